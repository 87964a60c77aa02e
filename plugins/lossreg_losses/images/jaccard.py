"""Jaccard (soft IoU): one less what predicted and true pixels share over what either has, for each image and class.

    value = 1 - (I + smooth) / (U + smooth)        I = sum(w p t), U = sum(w p) + sum(w t) - I
    slope = w ((1 - t) (I + smooth) / (U + smooth) - t) / (U + smooth)

over the pixels of an image and class, or with over="batch" over those of all images. Where there are neither predicted
nor true pixels it is 0, with slope 0. A mean is over images and classes.

Shapes: prediction and target (N, C, ...), weights and mask (N, ...). Ranges: prediction and target 0 to 1; smooth 0 or
above and finite.
Source: Rahman and Wang (2016), doi:10.1007/978-3-319-50835-1_22; segmentation_models.pytorch's JaccardLoss, MONAI's
DiceLoss (1.5) with jaccard.

>>> jaccard.at([[[0.5, 0.5]]], [[[1.0, 0.0]]], smooth=0.0)[0]
[[0.6666666666666666]]
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
    fill_overlap_slopes,
    hookimpl,
    inverse_or_zero,
    loss,
    overlap_sums,
)

Pixels = Annotated[Array, Axes("N C ...", Unit, kernel_checks=True)]


@loss(couples="over")
def jaccard(
    prediction: Pixels,
    target: Pixels,
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    smooth: FiniteNonNegative = 1.0,
    over: Literal["images", "batch"] = "images",
) -> Annotated[Array, Axes("N C")]:
    import numpy as np

    both, wrong, missed = np.moveaxis(overlap_sums(prediction, target, weight, over_batch=over == "batch"), 2, 0)
    union = both + wrong + missed + smooth
    by_union = inverse_or_zero(union)
    values = (wrong + missed) * by_union
    if "prediction" in slopes:
        factors = ((1 - values) * by_union, (values - 2) * by_union, 0)
        fill_overlap_slopes(slopes, prediction, target, weight, factors)
    return (values if over == "images" else values[0]).astype(weight.dtype)


@jaccard.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return jaccard
