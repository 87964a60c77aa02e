"""Soft Dice: one less the overlap of predicted and true pixels, of each image or of the whole batch, for each class.

value = 1 - (2 sum(w p t) + smooth) / (sum(w p) + sum(w t) + smooth)

over the pixels of an image and class, or with over="batch" over those of all images. Shapes: prediction and
target (N, C, ...), weights and mask (N, ...). Ranges: 0 to 1; smooth 0 or above, and 0 / 0 counts as 1. Source:
Milletari et al. (2016), arXiv:1606.04797.

>>> soft_dice.at([[[0.5, 0.25]]], [[[1.0, 0.0]]], smooth=0.0)[0]
[[0.4285714285714286]]
"""

from typing import Annotated, Any, Literal

from lossreg.plugin import Array, Axes, FiniteNonNegative, Loss, Multiplicity, Slopes, Unit, hookimpl, loss

Pixels = Annotated[Array, Axes("N C ...", Unit)]


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

    path = "ncs,ncs,ns->nc" if over == "images" else "ncs,ncs,ns->c"
    overlap = 2 * np.einsum(path, prediction, target, weight) + smooth
    size = np.einsum(path.replace("ncs,", "", 1), prediction + target, weight) + smooth
    share = np.divide(overlap, size, out=np.ones_like(size), where=size > 0)
    if "prediction" in slopes:
        by_size = np.divide(1, size, out=np.zeros_like(size), where=size > 0)
        np.subtract((share * by_size)[..., np.newaxis], 2 * by_size[..., np.newaxis] * target, out=slopes["prediction"])
        slopes["prediction"] *= weight[:, np.newaxis]
    return 1 - share


@soft_dice.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return soft_dice
