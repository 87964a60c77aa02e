"""Generalized Dice: the Dice loss of all classes together, in which a class counts the less, the more pixels it has.

    value = 1 - 2 sum_c a_c sum(w p t) / sum_c a_c (sum(w p) + sum(w t))        a_c = 1 / sum(w t)^2
    slope = w a_c (1 - value - 2 t) / sum_c a_c (sum(w p) + sum(w t))

over the pixels of an image, or with over="batch" over those of all images. A class without true pixels has the largest
a_c of those with some, and if there is none all are 1. Where nothing is predicted or true it is 0, with slope 0.

Shapes: prediction and target (N, C, ...), weights and mask (N, ...). Ranges: prediction and target 0 to 1.
Source: Sudre et al. (2017), arXiv:1707.03237; MONAI's GeneralizedDiceLoss (1.5), which adds 1e-5 to both sums.

>>> generalized_dice.at([[[0.5, 0.5], [0.5, 0.5]]], [[[1.0, 0.0], [0.0, 1.0]]])[0]
[0.5]
"""

from typing import Annotated, Any, Literal

from lossreg.plugin import (
    Array,
    Axes,
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
def generalized_dice(
    prediction: Pixels,
    target: Pixels,
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    over: Literal["images", "batch"] = "images",
) -> Annotated[Array, Axes("N")]:
    return overlap_losses(fit, prediction, target, weight, slopes, over_batch=over == "batch")[..., 0]


def fit(n: int, sums: Any, values: Any, factors: Any) -> None:
    """The value of one image, and the factors of its slopes."""
    most = 0.0
    for c in range(sums.shape[1]):
        true = sums[n, c, 0] + sums[n, c, 2]
        factors[n, c, 0] = 1 / (true * true) if true > 0 else 0.0
        most = max(most, factors[n, c, 0])
    errors, size = 0.0, 0.0
    for c in range(sums.shape[1]):
        both, wrong, missed = sums[n, c, 0], sums[n, c, 1], sums[n, c, 2]
        factors[n, c, 0] = factors[n, c, 0] if both + missed > 0 else (most if most > 0 else 1.0)
        errors = errors + factors[n, c, 0] * (wrong + missed)
        size = size + factors[n, c, 0] * (2 * both + wrong + missed)
    by_size = 1 / size if size > 0 else 0.0
    values[n, 0] = errors * by_size
    for c in range(sums.shape[1]):
        share = factors[n, c, 0] * by_size
        factors[n, c, 0], factors[n, c, 1], factors[n, c, 2] = share * (1 - values[n, 0]), -2 * share, 0.0


@generalized_dice.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return generalized_dice
