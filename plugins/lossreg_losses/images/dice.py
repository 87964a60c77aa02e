"""Dice: one less twice what predicted and true pixels share over what both have, for each image and class.

    value = 1 - (2 sum(w p t) + smooth) / (sum(w p) + sum(w t) + smooth)
          = 1 - (2 sum(w p t) + smooth) / (sum(w p^2) + sum(w t^2) + smooth)        squared
    slope = w ((2 sum(w p t) + smooth) / S - 2 t) / S, with the denominator S

over the pixels of an image and class, or with over="batch" over those of all images. Where there are neither predicted
nor true pixels it is 0, with slope 0. With `smooth` 0 and true pixels only it is one less the F1 score. A mean is over
images and classes.

Shapes: prediction and target (N, C, ...), weights and mask (N, ...). Ranges: prediction and target 0 to 1; smooth 0 or
above and finite.
Source: Milletari, Navab, Ahmadi (2016), arXiv:1606.04797, which has squares; MONAI's DiceLoss (1.5), whose smoothing is
1e-5; optax's dice_loss (0.2.8).

>>> dice.at([[[0.5, 0.25]]], [[[1.0, 0.0]]], smooth=0.0)[0]
[[0.42857142857142855]]
"""

from typing import Annotated, Any, Literal

from lossreg.plugin import (
    Array,
    Axes,
    FiniteNonNegative,
    Loss,
    Multiplicity,
    Slopes,
    Unit,
    hookimpl,
    loss,
    overlap_losses,
)

Pixels = Annotated[Array, Axes("N C ...", Unit, kernel_checks=True)]


@loss(couples="over")
def dice(
    prediction: Pixels,
    target: Pixels,
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    smooth: FiniteNonNegative = 1.0,
    squared: bool = False,
    over: Literal["images", "batch"] = "images",
) -> Annotated[Array, Axes("N C")]:
    settings = {"over_batch": over == "batch", "squared": squared}
    return overlap_losses(fit, prediction, target, weight, slopes, float(smooth), int(squared), **settings)


def fit(n: int, sums: Any, values: Any, factors: Any, smooth: float, squared: int) -> None:
    """The values of one image, and the factors of its slopes."""
    for c in range(sums.shape[1]):
        wrong = sums[n, c, 1] + sums[n, c, 2]
        size = 2 * sums[n, c, 0] + wrong + smooth
        by_size = 1 / size if size > 0 else 0.0
        values[n, c] = wrong * by_size
        rest = (1 - values[n, c]) * by_size
        factors[n, c, 0], factors[n, c, 1] = (0.0 if squared else rest), -2 * by_size
        factors[n, c, 2] = 2 * rest if squared else 0.0


@dice.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return dice
