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
    fill_overlap_slopes,
    hookimpl,
    inverse_or_zero,
    loss,
    overlap_sums,
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
    import numpy as np

    both, wrong, missed = np.moveaxis(overlap_sums(prediction, target, weight, over_batch=over == "batch"), 2, 0)
    true = both + missed
    factor = np.divide(1, true**2, out=np.zeros_like(true), where=true > 0)
    most = factor.max(axis=1, keepdims=True)
    factor = np.where(true > 0, factor, np.where(most > 0, most, 1))
    errors, size = ((factor * part).sum(axis=1, keepdims=True) for part in (wrong + missed, 2 * both + wrong + missed))
    by_size = inverse_or_zero(size)
    values = errors * by_size
    if "prediction" in slopes:
        factors = (factor * by_size * (1 - values), -2 * factor * by_size, 0)
        fill_overlap_slopes(slopes, prediction, target, weight, factors)
    return values[:, 0].astype(weight.dtype) if over == "images" else values[0, 0].astype(weight.dtype)


@generalized_dice.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return generalized_dice
