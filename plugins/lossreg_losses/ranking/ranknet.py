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

from lossreg.kernels.numerics import exp, log1p
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
    slope = np.zeros(len(score))
    each(rank, len(values), score, target, order, bounds, group_weight, float(scale), values, counts, slope)
    if "score" in slopes:
        slopes["score"][...] = slope
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
    """The value of one group, and its slopes, from each pair once."""
    members = order[bounds[g] : bounds[g + 1]]
    value, pairs = 0.0, 0
    for r in range(1, len(members)):
        i, own = members[r], 0.0
        for q in range(r):
            j = members[q]
            if target[i] != target[j]:
                side = 1.0 if target[i] > target[j] else -1.0
                ahead = side * scale * (float(score[i]) - float(score[j]))
                small = exp(-abs(ahead))
                value += max(-ahead, 0.0) + log1p(small)
                pull = side * (small if ahead >= 0 else 1.0) / (1.0 + small)
                own += pull
                slope[j] += pull
                pairs += 1
        slope[i] -= own
    counts[g] = weight[g] if pairs > 0 else 0
    factor = float(counts[g]) / max(pairs, 1)
    values[g] = factor * value
    for i in members:
        slope[i] *= factor * scale


@ranknet.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return ranknet
