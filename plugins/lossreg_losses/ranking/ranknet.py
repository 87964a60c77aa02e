"""RankNet: for each pair of a group of which one should rank higher, the surprise at whether it does.

    value = the mean over pairs i, j with target_i > target_j of softplus(-scale (s_i - s_j))        for each group
    slope of s_i = -scale sigmoid(-scale (s_i - s_j)) / number of pairs, summed over its pairs; of s_j its negative

A group without such a pair has value 0, and a mean does not count it. The time grows with the square of a group's size.

Shapes: score, target and group (N). Ranges: any finite numbers; any integers as groups; scale above 0 and finite. All
samples of a group have the weight of the group.
Source: Burges et al. (2005), doi:10.1145/1102351.1102363; XGBoost's rank:pairwise (3.2), which adds up all pairs.

>>> ranknet.at([0.0, 0.0], [1.0, 0.0], [1, 1])
([0.6931471805599453], [-0.5, 0.5])
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import sigmoid, softplus
from lossreg.plugin import (
    Array,
    Axes,
    FinitePositive,
    Group,
    Loss,
    SampleWeight,
    Slopes,
    each,
    hookimpl,
    loss,
    sorted_segments,
)

Number = Annotated[Array, Axes("N")]


@loss(couples="groups")
def ranknet(
    score: Number,
    target: Number,
    group: Annotated[Array, Axes("N", Group)],
    group_weight: SampleWeight,
    slopes: Slopes,
    scale: FinitePositive = 1.0,
) -> tuple[Array, Array]:
    import numpy as np

    order, bounds = sorted_segments(group)
    values, counts = np.empty_like(group_weight), np.empty_like(group_weight)
    slope = slopes.get("score", np.empty(0, score.dtype))
    each(rank, len(values), score, target, order, bounds, group_weight, float(scale), values, counts, slope)
    return values, counts


def rank(
    g: int,
    score: Any,
    target: Any,
    order: Any,
    bounds: Any,
    weight: Any,
    scale: float,
    values: Any,
    counts: Any,
    slope: Any,
) -> None:
    """The value of one group, and its slopes: those of a sample are sums over all others."""
    members = order[bounds[g] : bounds[g + 1]]
    value, pairs = 0.0, 0
    for i in members:
        for j in members:
            ahead = float(score[i]) - float(score[j])
            value += softplus(-scale * ahead) if target[i] > target[j] else 0.0
            pairs += target[i] > target[j]
    counts[g] = weight[g] if pairs > 0 else 0
    factor = float(counts[g]) / max(pairs, 1)
    values[g] = factor * value
    for i in members if len(slope) > 0 else members[:0]:
        added = 0.0
        for j in members:
            side = 1.0 if target[i] > target[j] else (-1.0 if target[i] < target[j] else 0.0)
            added -= side * sigmoid(-side * scale * (float(score[i]) - float(score[j])))
        slope[i] = factor * scale * added


@ranknet.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return ranknet
