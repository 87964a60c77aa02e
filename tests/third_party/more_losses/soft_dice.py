"""Soft Dice: one less the overlap of predicted and true pixels, of each image or of the whole batch, for each class.

value = 1 - (2 sum(w p t) + smooth) / (sum(w p) + sum(w t) + smooth)

over the pixels of an image and class, or with over="batch" over those of all images. Shapes: prediction and
target (N, C, ...), weights and mask (N, ...). Ranges: 0 to 1; smooth 0 or above, and 0 / 0 counts as 1. Source:
Milletari et al. (2016), arXiv:1606.04797.

>>> soft_dice.at([[[0.5, 0.25]]], [[[1.0, 0.0]]], smooth=0.0)[0]
[[0.4285714285714286]]
"""

from typing import Annotated, Any, Literal

from lossreg.kernels.numerics import dice_sums
from lossreg.plugin import Array, Axes, FiniteNonNegative, Loss, Multiplicity, Slopes, Unit, each, hookimpl
from lossreg.plugin import loss, require

Pixels = Annotated[Array, Axes("N C ...", Unit, kernel_checks=True)]


@loss(couples="over")
def soft_dice(
    prediction: Pixels,
    target: Pixels,
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    smooth: FiniteNonNegative = 1.0,
    over: Literal["images", "batch"] = "images",
) -> Annotated[Array, Axes("N C")]:
    import numpy as np

    (images, classes), slope = prediction.shape[:2], slopes.get("prediction", np.empty((0, 0, 0), weight.dtype))
    sums = np.empty((images, classes, 3))
    each(add_up, images * classes, prediction, target, weight, sums)
    for name, x in {"prediction": prediction, "target": target}.items() if sums[..., 2].any() else ():
        require((x >= 0) & (x <= 1), name, x, "0 to 1")
    sums = sums if over == "images" else sums.sum(axis=0, keepdims=True)
    overlap, size = 2 * sums[..., 0] + smooth, sums[..., 1] + smooth
    share = np.divide(overlap, size, out=np.ones_like(size), where=size > 0)
    by_size = np.divide(1, size, out=np.zeros_like(size), where=size > 0)
    factor = slopes.factor * by_size
    each(fill, images * classes if len(slope) else 0, target, weight, share * factor, 2 * factor, slope)
    return (1 - share if over == "images" else 1 - share[0]).astype(weight.dtype)


def add_up(i: int, prediction: Any, target: Any, weight: Any, sums: Any) -> None:
    n, c = i // prediction.shape[1], i % prediction.shape[1]
    p, t, w = prediction[n, c], target[n, c], weight[n]
    sums[n, c, 0], sums[n, c, 1], sums[n, c, 2] = dice_sums(w, p, t)


def fill(i: int, target: Any, weight: Any, by_size: Any, by_target: Any, slope: Any) -> None:
    n, c = i // slope.shape[1], i % slope.shape[1]
    own, t, w = slope[n, c], target[n, c], weight[n]
    T = type(w[0])
    same, less = T(by_size[n % len(by_size), c]), T(by_target[n % len(by_size), c])
    for s in range(len(own)):
        own[s] = w[s] * (same - less * t[s])


@soft_dice.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return soft_dice
