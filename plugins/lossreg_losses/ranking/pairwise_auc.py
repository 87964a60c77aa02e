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

POWERS = {"logistic": 0, "hinge": 1, "squared_hinge": 2}
TOGETHER = 64
"""How many positives are compared with all negatives before the slopes of the negatives are added up."""


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

    samples = len(score)
    order, scores, weights, sums = np.empty(samples, int), np.empty_like(score), np.empty(samples), np.empty(3)
    each(sort_out, 1, score, target, weight, order, scores, weights, sums)
    positives, of_positives, of_negatives = sums.tolist()
    count, pairs = int(positives), of_positives * of_negatives
    blocks = -(-count // TOGETHER)
    values, pulls, pushes = np.empty(blocks), np.empty(count), np.zeros((blocks, samples - count))
    sides = scores[:count], scores[count:], weights[:count], weights[count:]
    each(compare, blocks, *sides, POWERS[surrogate], float(margin), values, pulls, pushes)
    scale = 1 / pairs if pairs > 0 else 0.0
    if "score" in slopes:
        each(fill, 1, order, weights, pulls, pushes, scale, slopes["score"])
    return np.asarray(scale * values.sum(), weight.dtype)


def sort_out(_: int, score: Any, target: Any, weight: Any, order: Any, scores: Any, weights: Any, sums: Any) -> None:
    """Put the positives first, then the negatives; `sums` gets the number of positives, and both sums of weights."""
    count, sums[1], sums[2] = 0, 0.0, 0.0
    for i in range(len(target)):
        count += target[i] > 0.5
    first, second = 0, count
    for i in range(len(target)):
        positive = target[i] > 0.5
        at = first if positive else second
        order[at], scores[at], weights[at] = i, score[i], weight[i]
        first, second = first + positive, second + (not positive)
        sums[1 if positive else 2] += weight[i]
    sums[0] = count


def compare(
    block: int,
    ahead: Any,
    behind: Any,
    by_ahead: Any,
    by_behind: Any,
    power: int,
    margin: float,
    values: Any,
    pulls: Any,
    pushes: Any,
) -> None:
    """The value of the pairs of some positives with all negatives, and what these add to the slopes of either."""
    T, value, push = type(ahead[0]), 0.0, pushes[block]
    for i in range(TOGETHER * block, min(TOGETHER * (block + 1), len(ahead))):
        own, w, total, pull = ahead[i], by_ahead[i], 0.0, 0.0
        for j in range(len(behind) if power == 0 else 0):
            gap = own - behind[j]
            slope = sigmoid(-gap)
            total += by_behind[j] * softplus(-gap)
            pull -= by_behind[j] * slope
            push[j] = push[j] + w * slope
        for j in range(0 if power == 0 else len(behind)):
            missing = T(margin) - (own - behind[j])
            missing = missing if missing > 0 else T(0)
            slope = T(2) * missing if power == 2 else (T(1) if missing > 0 else T(0))
            total += by_behind[j] * (missing * missing if power == 2 else missing)
            pull -= by_behind[j] * slope
            push[j] = push[j] + w * slope
        value += w * total
        pulls[i] = pull
    values[block] = value


def fill(_: int, order: Any, weights: Any, pulls: Any, pushes: Any, scale: float, slope: Any) -> None:
    """Fill the slopes of all samples."""
    for i in range(len(pulls)):
        slope[order[i]] = scale * weights[i] * pulls[i]
    for j in range(pushes.shape[1]):
        at, push = len(pulls) + j, 0.0
        for block in range(pushes.shape[0]):
            push += pushes[block, j]
        slope[order[at]] = scale * weights[at] * push


@pairwise_auc.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Both kinds."""
    return [random.normal(size=samples), random.integers(0, 2, samples) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return pairwise_auc
