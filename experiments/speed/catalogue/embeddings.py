"""The plain formulas of the losses of embeddings in a batch that PyTorch lacks.

As in elements.py; a formula returns what the mean is taken of, or a single number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from elements import RANDOM, hinged, real
from rows import is_own, surprise

if TYPE_CHECKING:
    from collections.abc import Callable

CLASSES = 16
"""How many classes the embeddings are of."""


def label(shape: tuple[int, ...]) -> Any:
    """A class for each row, of which there are several rows."""
    return RANDOM.permutation(np.arange(shape[0]) % CLASSES)


def centres(shape: tuple[int, ...]) -> Any:
    """A vector for each class."""
    return real((CLASSES, shape[1]))


def number(value: float) -> Callable[..., Any]:
    """A single number, whatever the shape."""
    return lambda _: np.array(value)


def normal(f: Any, x: Any) -> Any:
    """Rows of length 1."""
    return x / f.xp.sqrt((x * x).sum(1))[:, None]


def cosines(f: Any, x: Any, y: Any) -> Any:
    """The cosines of rows."""
    return normal(f, x) @ normal(f, y).T


def places(f: Any, x: Any) -> Any:
    """The number of each row of a matrix."""
    return f.counting(x.shape[0], x)


def diagonal(f: Any, x: Any) -> Any:
    """Where a matrix has its diagonal."""
    return places(f, x)[:, None] == places(f, x)[None, :]


def without(f: Any, x: Any, left_out: Any) -> Any:
    """Numbers, and -inf for those that are left out."""
    return f.xp.where(left_out, 0 * x - f.xp.inf, x)


def supcon(f: Any, x: Any, y: Any, temperature: float = 0.1) -> Any:
    """Khosla et al. (2020), equation 2."""
    s = cosines(f, x, x) / temperature
    itself = diagonal(f, x)
    positive = (y[:, None] == y[None, :]) & ~itself
    return f.log_sum_exp(without(f, s, itself), 1) - (s * positive).sum(1) / positive.sum(1)


def nt_xent(f: Any, x: Any, y: Any) -> Any:
    """Chen et al. (2020), equation 1."""
    z = f.xp.concatenate([x, y])
    s = cosines(f, z, z) / 0.5
    own = f.xp.roll(places(f, z), len(x), 0)[:, None] == places(f, z)[None, :]
    return f.log_sum_exp(without(f, s, diagonal(f, z)), 1) - (s * own).sum(1)


def info_nce(f: Any, x: Any, y: Any, temperature: Any) -> Any:
    """Van den Oord et al. (2018), equation 4."""
    s = cosines(f, x, y) / temperature
    return f.log_sum_exp(s, 1) - f.xp.diagonal(s, 0)


def siglip(f: Any, x: Any, y: Any, temperature: Any, bias: Any) -> Any:
    """Zhai et al. (2023), algorithm 1."""
    s = cosines(f, x, y) / temperature + bias
    return f.softplus(f.xp.where(diagonal(f, x), -s, s)).sum(1)


def n_pairs(f: Any, x: Any, y: Any) -> Any:
    """Sohn (2016), equation 7."""
    s = x @ y.T
    return f.log_sum_exp(s, 1) - f.xp.diagonal(s, 0)


def multi_similarity(f: Any, x: Any, y: Any) -> Any:
    """Wang et al. (2019), equation 15, of all pairs."""
    c, same = cosines(f, x, x), y[:, None] == y[None, :]
    near = f.log_sum_exp(without(f, -2 * (c - 0.5), ~same | diagonal(f, x)), 1)
    return f.softplus(near) / 2 + f.softplus(f.log_sum_exp(without(f, 50 * (c - 0.5), same), 1)) / 50


def circle(f: Any, x: Any, y: Any) -> Any:
    """Sun et al. (2020), equation 6."""
    c, same = cosines(f, x, x), y[:, None] == y[None, :]
    near, far = (f.stop(hinged(f, w)) for w in (1.4 - c, c + 0.4))
    positive = f.log_sum_exp(without(f, -80 * near * (c - 0.6), ~same | diagonal(f, x)), 1)
    return f.softplus(positive + f.log_sum_exp(without(f, 80 * far * (c - 0.4), same), 1))


def arcface(f: Any, x: Any, y: Any, w: Any) -> Any:
    """Deng et al. (2019), equation 3."""
    c = cosines(f, x, w)
    return surprise(f, 64 * f.xp.where(is_own(f, c, y), f.xp.cos(f.acos(c) + 0.5), c), y)


def cosface(f: Any, x: Any, y: Any, w: Any) -> Any:
    """Wang et al. (2018), equation 4."""
    c = cosines(f, x, w)
    return surprise(f, 64 * (c - 0.35 * is_own(f, c, y)), y)


def proxy_nca(f: Any, x: Any, y: Any, w: Any) -> Any:
    """Movshovitz-Attias et al. (2017), equation 4."""
    d = 2 - 2 * cosines(f, x, w)
    return f.take(d, y) + f.log_sum_exp(without(f, -d, is_own(f, d, y)), 1)


def proxy_anchor(f: Any, x: Any, y: Any, w: Any) -> Any:
    """Kim et al. (2020), equation 4; every class has samples."""
    c = cosines(f, x, w)
    own = is_own(f, c, y)
    near = f.softplus(f.log_sum_exp(without(f, -32 * (c - 0.1), ~own), 0))
    return (near + f.softplus(f.log_sum_exp(without(f, 32 * (c + 0.1), own), 0))).mean()


def barlow_twins(f: Any, x: Any, y: Any) -> Any:
    """Zbontar et al. (2021), equations 1 and 2."""
    a, b = ((z - z.mean(0)) / f.xp.sqrt(((z - z.mean(0)) ** 2).sum(0)) for z in (x, y))
    r = a.T @ b
    return (f.xp.where(diagonal(f, r), (1 - r) ** 2, 0.0051 * r * r)).sum()


def vicreg(f: Any, x: Any, y: Any) -> Any:
    """Bardes et al. (2022), equations 1 to 6."""
    value = 25 * ((x - y) ** 2).mean()
    for z in (x, y):
        centred = z - z.mean(0)
        covariance = centred.T @ centred / (len(z) - 1)
        deviation = f.xp.sqrt((centred**2).sum(0) / (len(z) - 1) + 1e-4)
        value = value + 25 * hinged(f, 1 - deviation).mean() / 2
        value = value + (f.xp.where(diagonal(f, covariance), 0 * covariance, covariance) ** 2).sum() / z.shape[1]
    return value


EMBEDDINGS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "arcface": (arcface, (real, label, centres)),
    "barlow_twins": (barlow_twins, (real, real)),
    "circle": (circle, (real, label)),
    "cosface": (cosface, (real, label, centres)),
    "info_nce": (info_nce, (real, real, number(0.07))),
    "multi_similarity": (multi_similarity, (real, label)),
    "n_pairs": (n_pairs, (real, real)),
    "nt_xent": (nt_xent, (real, real)),
    "proxy_anchor": (proxy_anchor, (real, label, centres)),
    "proxy_nca": (proxy_nca, (real, label, centres)),
    "siglip": (siglip, (real, real, number(0.1), number(-10.0))),
    "supcon": (supcon, (real, label)),
    "vicreg": (vicreg, (real, real)),
}
