"""Tversky: Dice with one weight for what is wrongly predicted and another for what is missed, to a power.

    value = (1 - (I + smooth) / (I + alpha F + beta M + smooth))^gamma
    slope = gamma (1 - R)^(gamma - 1) w (R (t + alpha (1 - t) - beta t) - t) / (I + alpha F + beta M + smooth)

with I = sum(w p t), the wrong F = sum(w p (1 - t)), the missed M = sum(w t (1 - p)) and the ratio R, over the pixels of
an image and class, or with over="batch" over those of all images. With alpha = beta = 1/2 it is `dice` with twice the
smoothing, with alpha = beta = 1 it is `jaccard`. The focal Tversky loss of its paper has gamma 3/4. Where nothing is
wrong or missed it is 0, with slope 0 unless gamma is 1. A mean is over images and classes.

Shapes: prediction and target (N, C, ...), weights and mask (N, ...). Ranges: prediction and target 0 to 1; smooth,
alpha and beta 0 or above and finite; gamma above 0 and finite.
Source: Salehi et al. (2017), arXiv:1706.05721; Abraham and Khan (2019), arXiv:1810.07842, for gamma;
segmentation_models.pytorch's TverskyLoss, whose alpha and beta are 0.5.

>>> tversky.at([[[0.5, 0.5]]], [[[1.0, 0.0]]], alpha=1.0, beta=1.0, smooth=0.0)[0]
[[0.6666666666666666]]
"""

from typing import Annotated, Any, Literal

from lossreg.plugin import (
    Array,
    Axes,
    FiniteNonNegative,
    FinitePositive,
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
def tversky(
    prediction: Pixels,
    target: Pixels,
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    alpha: FiniteNonNegative = 0.3,
    beta: FiniteNonNegative = 0.7,
    gamma: FinitePositive = 1.0,
    smooth: FiniteNonNegative = 1.0,
    over: Literal["images", "batch"] = "images",
) -> Annotated[Array, Axes("N C")]:
    settings = float(alpha), float(beta), float(gamma), float(smooth)
    return overlap_losses(fit, prediction, target, weight, slopes, *settings, over_batch=over == "batch")


def fit(n: int, sums: Any, values: Any, factors: Any, alpha: float, beta: float, gamma: float, smooth: float) -> None:
    """The values of one image, and the factors of its slopes."""
    for c in range(sums.shape[1]):
        errors = alpha * sums[n, c, 1] + beta * sums[n, c, 2]
        size = sums[n, c, 0] + errors + smooth
        by_size = 1 / size if size > 0 else 0.0
        base = errors * by_size
        values[n, c] = base**gamma
        steep = gamma * (base ** (gamma - 1) if base > 0 else (1.0 if gamma == 1 else 0.0)) * by_size
        factors[n, c, 0] = steep * alpha * (1 - base)
        factors[n, c, 1] = -steep * ((alpha + beta) * (1 - base) + base)
        factors[n, c, 2] = 0.0


@tversky.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and two classes."""
    return [random.uniform(0.05, 0.95, (samples, 2, 2, 3)), random.integers(0, 2, (samples, 2, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return tversky
