"""Pairwise AUC: how far each positive fails to score above each negative, the area under the ROC curve made smooth.

    value = the mean over pairs of a positive i and a negative j of f(s_i - s_j)
    f(x) = softplus(-x)                  surrogate "logistic"
         = max(0, margin - x)^p          "hinge" with p = 1, "squared_hinge" with p = 2
    slope of s_i = f'(s_i - s_j) / number of pairs, summed over its pairs; of s_j its negative

Without positives or without negatives it is 0. One less the value of the step function in place of f is the area. At
the margin a hinge has slope 0. The time grows with N^2.

Shapes: score and target (N). Ranges: any finite scores; target 0 to 1, positive where it is above 1/2; margin 0 or
above and finite. A sample of weight w counts w times in every pair.
Source: Yan et al. (2003), Optimizing classifier performance via an approximation to the Wilcoxon-Mann-Whitney
statistic; Gao and Zhou (2015), On the consistency of AUC pairwise optimization.

>>> pairwise_auc.at([0.0, 0.0], [1.0, 0.0])
(0.6931471805599453, [-0.5, 0.5])
"""

from typing import Annotated, Any, Literal

from lossreg import create
from lossreg.plugin import (
    Array,
    Axes,
    Finite,
    FiniteNonNegative,
    Loss,
    Multiplicity,
    Slopes,
    Unit,
    blocks_of_pairs,
    hookimpl,
    loss,
)

SURROGATES = {"logistic": "soft_margin", "hinge": "hinge", "squared_hinge": "squared_hinge"}
"""The losses of a score with side 1."""


@loss(couples="batch")
def pairwise_auc(
    score: Annotated[Array, Axes("N", Finite)],
    target: Annotated[Array, Axes("N", Unit)],
    weight: Multiplicity,
    slopes: Slopes,
    surrogate: Literal["logistic", "hinge", "squared_hinge"] = "logistic",
    margin: FiniteNonNegative = 1.0,
) -> Array:
    import numpy as np

    positive = target > 0.5
    ahead, behind = score[positive], score[~positive]
    by_ahead, by_behind = weight[positive].astype(float), weight[~positive].astype(float)
    pairs = by_ahead.sum() * by_behind.sum()
    name, parameters = SURROGATES[surrogate], {} if surrogate == "logistic" else {"margin": margin}
    criterion = create(name, reduction="none", **parameters)
    value, slope_ahead, slope_behind = 0.0, np.zeros(len(ahead)), np.zeros(len(behind))
    for rows in blocks_of_pairs(len(ahead), len(behind), 4 * score.itemsize) if pairs > 0 else ():
        gaps = ahead[rows, np.newaxis] - behind
        values, slopes_of_gaps = criterion.value_and_grad(gaps, np.ones_like(gaps))
        value += by_ahead[rows] @ (values @ by_behind)
        slope_ahead[rows] = slopes_of_gaps @ by_behind
        slope_behind += by_ahead[rows] @ slopes_of_gaps
    scale = 1 / pairs if pairs > 0 else 0.0
    if "score" in slopes:
        slopes["score"][positive] = scale * by_ahead * slope_ahead
        slopes["score"][~positive] = -scale * by_behind * slope_behind
    return np.asarray(scale * value, weight.dtype)


@pairwise_auc.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Both kinds."""
    return [random.normal(size=samples), random.integers(0, 2, samples) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return pairwise_auc
