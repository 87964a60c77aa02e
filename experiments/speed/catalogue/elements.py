"""The plain formulas of the losses by element that PyTorch lacks, with their default parameters, and their inputs.

`f` has the functions of PyTorch or of JAX (functions.py). A formula returns values, of which the mean is taken.
"""

from __future__ import annotations

from math import log, pi
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

RANDOM = np.random.default_rng(0)
ROOT_PI = pi**0.5


def real(shape: tuple[int, ...]) -> Any:
    """Any numbers."""
    return RANDOM.standard_normal(shape)


def positive(shape: tuple[int, ...]) -> Any:
    """Numbers above 0."""
    return RANDOM.uniform(0.2, 3, shape)


def above_1(shape: tuple[int, ...]) -> Any:
    """Numbers above 1."""
    return 1 + positive(shape)


def negative(shape: tuple[int, ...]) -> Any:
    """Numbers below 0: log-probabilities."""
    return -positive(shape)


def side(shape: tuple[int, ...]) -> Any:
    """-1 or 1."""
    return RANDOM.choice([-1.0, 1.0], shape)


def binary(shape: tuple[int, ...]) -> Any:
    """0 or 1."""
    return RANDOM.integers(0, 2, shape) * 1.0


def hinged(f: Any, x: Any) -> Any:
    """max(0, x)."""
    return f.xp.where(x > 0, x, 0 * x)


def own_side(x: Any, y: Any) -> Any:
    """A logit with the sign of its label of 0 or 1."""
    return x * (2 * y - 1)


def crps_gaussian(f: Any, x: Any, y: Any, scale: Any) -> Any:
    """Gneiting and Raftery (2007), equation 21."""
    z = (x - y) / scale
    density = f.xp.exp(-z * z / 2) / (2 * pi) ** 0.5
    return scale * (z * f.erf(z / 2**0.5) + 2 * density - 1 / ROOT_PI)


def evidential(f: Any, mean: Any, nu: Any, alpha: Any, beta: Any, y: Any) -> Any:  # noqa: PLR0913, PLR0917  the inputs
    """Amini et al. (2020), equations 8 to 10."""
    omega, e = 2 * beta * (1 + nu), mean - y
    return (
        0.5 * f.xp.log(pi / nu)
        - alpha * f.xp.log(omega)
        + (alpha + 0.5) * f.xp.log(e * e * nu + omega)
        + f.lgamma(alpha)
        - f.lgamma(alpha + 0.5)
        + 0.01 * abs(e) * (2 * nu + alpha)
    )


def log_odds(f: Any, x: Any) -> Any:
    """The logit of a probability that is given by its logarithm."""
    return x - f.xp.log(-f.xp.expm1(x))


def jensen_shannon(f: Any, x: Any, y: Any) -> Any:
    """Lin (1991)."""
    q, p = f.xp.exp(x), f.xp.exp(y)
    mean = f.xp.log(0.5 * p + 0.5 * q)
    return 0.5 * p * (y - mean) + 0.5 * q * (x - mean)


def asymmetric(f: Any, x: Any, y: Any) -> Any:
    """Ridnik et al. (2021), equation 7."""
    p = f.sigmoid(x)
    m = hinged(f, p - 0.05)
    return y * (1 - p) * f.softplus(-x) - (1 - y) * m**4 * f.xp.log1p(-m)


def tukey(f: Any, x: Any, y: Any) -> Any:
    """Beaton and Tukey (1974)."""
    z = ((x - y) / 4.685) ** 2
    return 4.685**2 / 6 * f.xp.where(z < 1, 1 - (1 - z) ** 3, 0 * z + 1)


def wing(f: Any, x: Any, y: Any) -> Any:
    """Feng et al. (2018), equation 5."""
    e = abs(x - y)
    return f.xp.where(e < 10, 10 * f.xp.log1p(e / 2), e - 10 + 10 * log(6))


def modified_huber(f: Any, x: Any, y: Any) -> Any:
    """Zhang (2004)."""
    m = x * y
    return f.xp.where(m < -1, -4 * m, hinged(f, 1 - m) ** 2)


ELEMENTS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "aft": (
        lambda f, x, y, event: event * (f.softplus(x - f.xp.log(y)) + f.xp.log(y)) + f.softplus(f.xp.log(y) - x),
        (real, positive, binary),
    ),
    "asymmetric": (asymmetric, (real, binary)),
    "beta_nll": (
        lambda f, x, y, v: 0.5 * f.xp.sqrt(f.stop(v)) * (f.xp.log(v) + (x - y) ** 2 / v),
        (real, real, positive),
    ),
    "cauchy": (lambda f, x, y: f.xp.log1p((x - y) ** 2 / 2), (real, real)),
    "charbonnier": (lambda f, x, y: f.xp.sqrt((x - y) ** 2 + 1e-6), (real, real)),
    "crps_gaussian": (crps_gaussian, (real, real, positive)),
    "dpo": (lambda f, a, b, c, d: f.softplus(-0.1 * ((a - b) - (c - d))), (negative,) * 4),
    "epsilon_insensitive": (lambda f, x, y: hinged(f, abs(x - y) - 0.1), (real, real)),
    "evidential": (evidential, (real, positive, above_1, positive, real)),
    "expectile": (lambda f, x, y: f.xp.where(y > x, 0.5, 0.5) * (x - y) ** 2, (real, real)),
    "exponential": (lambda f, x, y: y * f.xp.exp(-x) + (1 - y) * f.xp.exp(x), (real, binary)),
    "focal": (
        lambda f, x, y: (0.75 - 0.5 * y) * f.sigmoid(-own_side(x, y)) ** 2 * f.softplus(-own_side(x, y)),
        (real, binary),
    ),
    "gamma": (lambda f, x, y: x + y * f.xp.exp(-x), (real, positive)),
    "geman_mcclure": (lambda _, x, y: 2 * (x - y) ** 2 / ((x - y) ** 2 + 4), (real, real)),
    "general_robust": (lambda f, x, y: f.xp.sqrt((x - y) ** 2 + 1) - 1, (real, real)),
    "hinge": (lambda f, x, y: hinged(f, 1 - x * y), (real, side)),
    "jensen_shannon": (jensen_shannon, (negative, negative)),
    "kto": (lambda f, a, b, y: f.sigmoid(-0.1 * own_side(a - b, y)), (negative, negative, binary)),
    "laplace_nll": (lambda f, x, y, scale: abs(x - y) / scale + f.xp.log(scale), (real, real, positive)),
    "log_cosh": (lambda f, x, y: abs(x - y) + f.xp.log1p(f.xp.exp(-2 * abs(x - y))) - log(2), (real, real)),
    "mape": (lambda f, x, y: abs(x - y) / (hinged(f, abs(y) - 1e-7) + 1e-7), (real, positive)),
    "modified_huber": (modified_huber, (real, side)),
    "msle": (lambda f, x, y: (f.xp.log1p(x) - f.xp.log1p(y)) ** 2, (positive, positive)),
    "negative_binomial_nll": (lambda f, x, y: y * f.softplus(-x) + f.softplus(x), (real, positive)),
    "orpo": (lambda f, a, b: -a + 0.1 * f.softplus(log_odds(f, b) - log_odds(f, a)), (negative, negative)),
    "poly1_bce": (lambda f, x, y: f.softplus(-own_side(x, y)) + f.sigmoid(-own_side(x, y)), (real, binary)),
    "pseudo_huber": (lambda f, x, y: f.xp.sqrt(1 + (x - y) ** 2) - 1, (real, real)),
    "quantile": (lambda _, x, y: 0.5 * abs(y - x), (real, real)),
    "simpo": (lambda f, a, b: f.softplus(1 - 2 * (a - b)), (negative, negative)),
    "smape": (lambda _, x, y: 2 * abs(x - y) / (abs(x) + abs(y)), (real, positive)),
    "squared_hinge": (lambda f, x, y: hinged(f, 1 - x * y) ** 2, (real, side)),
    "student_t_nll": (
        lambda f, x, y, scale: f.xp.log(scale) + 2.5 * f.xp.log1p(((x - y) / scale) ** 2 / 4),
        (real, real, positive),
    ),
    "tukey": (tukey, (real, real)),
    "tweedie": (lambda f, x, y: 2 * f.xp.exp(x / 2) + 2 * y * f.xp.exp(-x / 2), (real, positive)),
    "welsch": (lambda f, x, y: 1 - f.xp.exp(-((x - y) ** 2) / 2), (real, real)),
    "wing": (wing, (real, real)),
}
"""By loss: its plain formula, and the makers of its inputs, which are of one shape."""
