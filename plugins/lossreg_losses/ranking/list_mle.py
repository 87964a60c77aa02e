"""ListMLE: the surprise at the order of a group by relevance, if one after the other is drawn by softmax of the scores.

    value = sum_i log(sum_{k >= i} e^(s_k)) - s_i        over a group in descending order of the targets
    slope of s_k = sum_{i <= k} e^(s_k) / sum_{l >= i} e^(s_l) - 1

It is the likelihood of Plackett and Luce. Samples of equal targets are in the order in which they are given, so that
their order is a part of the target.

Shapes: score, target and group (N). Ranges: any finite numbers; any integers as groups. All samples of a group have the
weight of the group.
Source: Xia et al. (2008), doi:10.1145/1390156.1390306.

>>> list_mle.at([0.0, 0.0], [1.0, 0.0], [1, 1])
([0.6931471805599453], [-0.5, 0.5])
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import exp, log1p
from lossreg.plugin import (
    Array,
    Axes,
    Finite,
    Group,
    Loss,
    SampleWeight,
    Slopes,
    each,
    hookimpl,
    loss,
    sorted_segments,
)

Number = Annotated[Array, Axes("N", Finite)]


@loss(couples="groups")
def list_mle(
    score: Number, target: Number, group: Annotated[Array, Axes("N", Group)], group_weight: SampleWeight, slopes: Slopes
) -> Array:
    import numpy as np

    _, bounds = sorted_segments(group)
    order, values = np.lexsort((-target, group)), np.empty_like(group_weight)
    slope = slopes.get("score", np.empty(0, score.dtype))
    each(draw, len(values), score, order, bounds, group_weight, np.empty(len(score)), values, slope)
    return values


def draw(g: int, score: Any, order: Any, bounds: Any, weight: Any, norms: Any, values: Any, slope: Any) -> None:
    """The value of one group from its last sample to its first, and the slopes from the first to the last."""
    start, end = bounds[g], bounds[g + 1]
    value = 0.0
    for back in range(end - start):
        k = end - 1 - back
        s = float(score[order[k]])
        norms[k] = s if back == 0 else log_add(s, norms[k + 1])
        # The gap of the log of the sum from this score, which keeps its digits.
        value += 0.0 if back == 0 else norms[k] - s if norms[k + 1] > s else log1p(exp(norms[k + 1] - s))
    values[g] = weight[g] * value
    inverse = 0.0
    for k in range(start, end if len(slope) > 0 else start):
        inverse = -norms[k] if k == start else log_add(inverse, -norms[k])
        slope[order[k]] = weight[g] * (exp(float(score[order[k]]) + inverse) - 1)


def log_add(x: float, y: float) -> float:
    """The logarithm of e^x + e^y."""
    return max(x, y) + log1p(exp(-abs(x - y)))


@list_mle.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return list_mle
