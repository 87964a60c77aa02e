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

from lossreg.kernels.numerics import sigmoid, softplus
from lossreg.plugin import (
    Array,
    Axes,
    Finite,
    FiniteNonNegative,
    Loss,
    Multiplicity,
    Slopes,
    Unit,
    each,
    hookimpl,
    loss,
)


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
    pairs = weight[positive].sum(dtype=float) * weight[~positive].sum(dtype=float)
    values, scale = np.empty(len(score)), 1 / pairs if pairs > 0 else 0.0
    slope, power = (
        slopes.get("score", np.empty(0, score.dtype)),
        ("logistic", "hinge", "squared_hinge").index(surrogate),
    )
    each(compare, len(score), score, positive, weight, power, float(margin), scale, values, slope)
    return np.asarray(values.sum(), weight.dtype)


def compare(
    i: int,
    score: Any,
    positive: Any,
    weight: Any,
    power: int,
    margin: float,
    scale: float,
    values: Any,
    slope: Any,
) -> None:
    """Half of the value of each pair of one sample, and its slope."""
    side = 1.0 if positive[i] else -1.0
    value, added = 0.0, 0.0
    for j in range(len(score)):
        w = 0.0 if positive[j] == positive[i] else float(weight[j])
        ahead = side * (float(score[i]) - float(score[j]))
        missing = max(0.0, margin - ahead)
        one = softplus(-ahead) if power == 0 else (missing if power == 1 else missing * missing)
        hinged = -1.0 * (missing > 0) if power == 1 else -2 * missing
        value += w * one
        added += w * (-sigmoid(-ahead) if power == 0 else hinged)
    values[i] = 0.5 * scale * weight[i] * value
    if len(slope) > 0:
        slope[i] = side * scale * weight[i] * added


@pairwise_auc.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Both kinds."""
    return [random.normal(size=samples), random.integers(0, 2, samples) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return pairwise_auc
