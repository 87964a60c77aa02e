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
    hookimpl,
    loss,
    overlap_losses,
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
    return overlap_losses(fit, prediction, target, weight, slopes, float(smooth), over_batch=over == "batch")


def fit(n: int, sums: Any, values: Any, factors: Any, smooth: float) -> None:
    """The values of one image, and the factors of its slopes."""
    for c in range(sums.shape[1]):
        errors = sums[n, c, 1] + sums[n, c, 2]
        union = sums[n, c, 0] + errors + smooth
        by_union = 1 / union if union > 0 else 0.0
        values[n, c] = errors * by_union
        factors[n, c, 0] = (1 - values[n, c]) * by_union
        factors[n, c, 1], factors[n, c, 2] = (values[n, c] - 2) * by_union, 0.0


@jaccard.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return jaccard
