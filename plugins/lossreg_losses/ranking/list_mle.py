"""ListMLE: the surprise at the order of a group by relevance, if one after the other is drawn by softmax of the scores.

    value = sum_i log(sum_{k: target_k <= target_i} e^(s_k)) - s_i        over the samples of a group
    slope of s_k = sum_{i: target_i >= target_k} e^(s_k) / sum_{l: target_l <= target_i} e^(s_l) - 1

It is the likelihood of Plackett and Luce. Of equal targets each is drawn from all that are not above it, as Breslow has
it for tied times in `cox`.

Shapes: score, target and group (N). Ranges: any finite numbers; any integers as groups. All samples of a group have the
weight of the group.
Source: Xia et al. (2008), doi:10.1145/1390156.1390306.

>>> list_mle.at([0.0, 0.0], [1.0, 0.0], [1, 1])
([0.6931471805599453], [-0.5, 0.5])
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, log1p, softplus
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
    slope, logs = slopes.get("score", np.empty(0, score.dtype)), np.empty((2, len(score) + 1))
    each(draw, len(values), score, target, order, bounds, group_weight, logs, values, slope)
    return values


def draw(
    g: int, score: Any, target: Any, order: Any, bounds: Any, weight: Any, logs: Any, values: Any, slope: Any
) -> None:
    """The value of one group, from sums of exponentials over all that come later, and its slopes."""
    start, end = bounds[g], bounds[g + 1]
    after, inverse = logs[0], logs[1]
    last = -INFINITY
    for back in range(end - start):
        k = end - 1 - back
        last = log_add(float(score[order[k]]), last)
        after[k] = last
    value, before, norm, drawn = 0.0, -INFINITY, 0.0, -INFINITY
    for k in range(start, end):
        s, tied = float(score[order[k]]), (k > start) and target[order[k]] == target[order[k - 1]]
        before = log_add(before, float(score[order[k - 1]])) if tied else -INFINITY
        norm = norm if tied else after[k]
        value += softplus(log_add(before, after[k + 1] if k + 1 < end else -INFINITY) - s)
        drawn = log_add(drawn, -norm)
        inverse[k] = drawn
    values[g] = weight[g] * value
    for back in range(end - start if len(slope) > 0 else 0):
        k = end - 1 - back
        if back > 0 and target[order[k]] == target[order[k + 1]]:
            inverse[k] = inverse[k + 1]
        slope[order[k]] = weight[g] * (exp(float(score[order[k]]) + inverse[k]) - 1)


def log_add(x: float, y: float) -> float:
    """The logarithm of e^x + e^y."""
    top = max(x, y)
    return top + log1p(exp(-abs(x - y))) if top > -INFINITY else top


@list_mle.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return list_mle
