"""The plain formulas of the losses by row that PyTorch lacks: of classes, distributions, vectors and boxes.

As in elements.py; a formula returns the value of each row.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, Any

import numpy as np
from elements import RANDOM, hinged, real, side

if TYPE_CHECKING:
    from collections.abc import Callable


def label(shape: tuple[int, ...]) -> Any:
    """A class for each row."""
    return RANDOM.integers(0, shape[1], shape[0])


def level(shape: tuple[int, ...]) -> Any:
    """A class for each row, of one more than it has numbers."""
    return RANDOM.integers(0, shape[1] + 1, shape[0])


def row_side(shape: tuple[int, ...]) -> Any:
    """-1 or 1 for each row."""
    return side(shape[:1])


def row_real(shape: tuple[int, ...]) -> Any:
    """A number for each row."""
    return real(shape[:1])


def box(shape: tuple[int, ...]) -> Any:
    """Boxes of which most meet."""
    corner = RANDOM.uniform(0, 1, (shape[0], 2))
    return np.concatenate([corner, corner + RANDOM.uniform(0.2, 1, (shape[0], 2))], axis=1)


def surprise(f: Any, x: Any, y: Any) -> Any:
    """The cross-entropy of logits."""
    return f.log_sum_exp(x, 1) - f.take(x, y)


def is_own(f: Any, x: Any, y: Any) -> Any:
    """Which numbers of the rows are those of their labels."""
    return f.counting(x.shape[1], y)[None, :] == y[:, None]


def ordinal(f: Any, x: Any, y: Any) -> Any:
    """The cross-entropies of whether the class is above each level."""
    above = (y[:, None] > f.counting(x.shape[1], y)[None, :]) * 1.0
    return f.softplus(x) - x * above


def corn(f: Any, x: Any, y: Any) -> Any:
    """Shi et al. (2021): up to the level of the class."""
    asked = y[:, None] >= f.counting(x.shape[1], y)[None, :]
    return f.xp.where(asked, ordinal(f, x, y), 0 * x).sum(1)


def best_other(f: Any, x: Any, y: Any) -> Any:
    """Crammer and Singer (2001)."""
    others = f.xp.where(is_own(f, x, y), 0 * x - f.xp.inf, x)
    return hinged(f, 1 + f.xp.amax(others, 1) - f.take(x, y))


def distillation(f: Any, x: Any, teacher: Any, y: Any) -> Any:
    """Hinton et al. (2015), at temperature 2, half of each part."""
    log_p, log_q = f.log_softmax(x / 2, -1), f.log_softmax(teacher / 2, -1)
    return 0.5 * 4 * (f.xp.exp(log_q) * (log_q - log_p)).sum(1) + 0.5 * surprise(f, x, y)


def sparsemax(f: Any, x: Any, y: Any) -> Any:
    """Martins and Astudillo (2016), algorithm 1 and equation 26."""
    ordered = f.descending(x)
    count = f.counting(x.shape[1], x) + 1
    sums = f.xp.cumsum(ordered, 1)
    size = (1 + count * ordered > sums).sum(1)
    threshold = (f.take(sums, size - 1) - 1) / size
    inside = x > threshold[:, None]
    return 0.5 * f.xp.where(inside, x**2 - threshold[:, None] ** 2, 0 * x).sum(1) + 0.5 - f.take(x, y)


def entmax15(f: Any, x: Any, y: Any) -> Any:
    """Peters et al. (2019), algorithm 2 and equation 7."""
    ordered = f.descending(x / 2)
    count = f.counting(x.shape[1], x) + 1
    mean, square = f.xp.cumsum(ordered, 1) / count, f.xp.cumsum(ordered**2, 1) / count
    gap = (1 - count * (square - mean**2)) / count
    thresholds = mean - f.xp.sqrt(hinged(f, gap) + 1e-30)
    size = (thresholds <= ordered).sum(1)
    root = hinged(f, x / 2 - f.take(thresholds, size - 1)[:, None])
    p = f.stop(root**2)  # the slope by p is 0
    return (1 - (p * p**0.5).sum(1)) / 0.75 + (p * x).sum(1) - f.take(x, y)


def crps_ensemble(_: Any, x: Any, y: Any) -> Any:
    """Gneiting and Raftery (2007), equation 21."""
    apart = abs(x[:, :, None] - x[:, None, :]).mean((1, 2))
    return abs(x - y[:, None]).mean(1) - apart / 2


def mixture_nll(f: Any, x: Any, means: Any, scales: Any, y: Any) -> Any:
    """Bishop (1994)."""
    z = (means - y[:, None]) * f.xp.exp(-scales)
    return f.log_sum_exp(x, 1) - f.log_sum_exp(x - scales - z * z / 2, 1)


def contrastive(f: Any, a: Any, b: Any, y: Any) -> Any:
    """Hadsell et al. (2006)."""
    square = ((a - b) ** 2).sum(1)
    return 0.5 * f.xp.where(y > 0, square, hinged(f, 1 - f.xp.sqrt(square)) ** 2)


def overlap(f: Any, a: Any, b: Any) -> tuple[Any, Any, Any, Any]:
    """The shared area of boxes, that of their union, and the width and height of the box around both."""
    low, high = f.xp.maximum(a[:, :2], b[:, :2]), f.xp.minimum(a[:, 2:], b[:, 2:])
    size = hinged(f, high - low)
    shared = size[:, 0] * size[:, 1]
    of_a, of_b = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    union = of_a[:, 0] * of_a[:, 1] + of_b[:, 0] * of_b[:, 1] - shared
    around = f.xp.maximum(a[:, 2:], b[:, 2:]) - f.xp.minimum(a[:, :2], b[:, :2])
    return shared, union, around[:, 0], around[:, 1]


def iou(f: Any, a: Any, b: Any) -> Any:
    """Yu et al. (2016), without the logarithm."""
    shared, union, _, _ = overlap(f, a, b)
    return 1 - shared / union


def giou(f: Any, a: Any, b: Any) -> Any:
    """Rezatofighi et al. (2019)."""
    shared, union, width, height = overlap(f, a, b)
    return 1 - shared / union + (width * height - union) / (width * height)


def diou(f: Any, a: Any, b: Any) -> Any:
    """Zheng et al. (2020), equation 7."""
    shared, union, width, height = overlap(f, a, b)
    apart = (a[:, :2] + a[:, 2:] - b[:, :2] - b[:, 2:]) / 2
    return 1 - shared / union + (apart**2).sum(1) / (width**2 + height**2)


def ciou(f: Any, a: Any, b: Any) -> Any:
    """Zheng et al. (2020), equation 10; the trade-off is a constant."""
    shared, union, _, _ = overlap(f, a, b)
    of_a, of_b = a[:, 2:] - a[:, :2], b[:, 2:] - b[:, :2]
    aspect = 4 / pi**2 * (f.xp.arctan(of_b[:, 0] / of_b[:, 1]) - f.xp.arctan(of_a[:, 0] / of_a[:, 1])) ** 2
    return diou(f, a, b) + f.stop(aspect / (1 - shared / union + aspect)) * aspect


ROWS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "coral": (lambda f, x, y: ordinal(f, x, y).sum(1), (real, level)),
    "corn": (corn, (real, level)),
    "crammer_singer": (best_other, (real, label)),
    "distillation": (distillation, (real, real, label)),
    "entmax15": (entmax15, (real, label)),
    "focal_cross_entropy": (
        lambda f, x, y: (1 - f.xp.exp(-surprise(f, x, y))) ** 2 * surprise(f, x, y),
        (real, label),
    ),
    "generalized_cross_entropy": (lambda f, x, y: (1 - f.xp.exp(-0.7 * surprise(f, x, y))) / 0.7, (real, label)),
    "ldam": (lambda f, x, y: surprise(f, 30 * (x - 0.5 * is_own(f, x, y)), y), (real, label)),
    "logit_adjusted": (surprise, (real, label)),
    "poly1": (lambda f, x, y: surprise(f, x, y) + 2 * (1 - f.xp.exp(-surprise(f, x, y))), (real, label)),
    "sparsemax": (sparsemax, (real, label)),
    "squentropy": (
        lambda f, x, y: surprise(f, x, y) + ((x * x).sum(1) - f.take(x, y) ** 2) / (x.shape[1] - 1),
        (real, label),
    ),
    "symmetric_cross_entropy": (
        lambda f, x, y: 0.1 * surprise(f, x, y) + 4 * (1 - f.xp.exp(-surprise(f, x, y))),
        (real, label),
    ),
}
"""Losses of rows of classes: the plain formula and the makers of the inputs, given the shape of the first."""
SHORT_ROWS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "crps_ensemble": (crps_ensemble, (real, row_real)),
    "mixture_nll": (mixture_nll, (real, real, real, row_real)),
}
"""Losses of rows of few numbers."""
VECTORS: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "contrastive": (contrastive, (real, real, row_side)),
}
BOXES: dict[str, tuple[Callable[..., Any], tuple[Callable[..., Any], ...]]] = {
    "ciou": (ciou, (box, box)),
    "diou": (diou, (box, box)),
    "giou": (giou, (box, box)),
    "iou": (iou, (box, box)),
}
