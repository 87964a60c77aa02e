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
    ClassRow,
    FinitePositive,
    Group,
    Loss,
    Real,
    SampleWeight,
    Slope,
    Slopes,
    each,
    each_group_as_row,
    hookimpl,
    loss,
    row_criterion,
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

    inputs, padding = (score.astype(float), target.astype(float)), (0.0, np.nan)
    counts = np.empty_like(group_weight)
    values = each_group_as_row(
        row_criterion(rank, scale=scale), group, group_weight, inputs, padding, slopes.get("score")
    )
    each(count, len(counts), *sorted_segments(group), target, group_weight, counts)
    return values, counts


def count(g: int, order: Any, bounds: Any, target: Any, weight: Any, counts: Any) -> None:
    """What group g counts in a mean: its weight if its targets differ."""
    first, ranked, valid = target[order[bounds[g]]], False, True
    for at in range(bounds[g], bounds[g + 1]):
        own = target[order[at]]
        ranked, valid = ranked | (own != first), valid & (own == own)  # noqa: PLR0124  nan
    counts[g] = weight[g] if ranked & valid else 0


@loss
def rank(score: ClassRow[Real], target: ClassRow[Real], slope: Slope, scale: FinitePositive = 1.0) -> float:
    """The value of one group, and its slopes, from each pair once."""
    T = type(score[0])
    value, pairs = T(0), T(0)
    for i in range(len(score)):
        own = T(0)
        for j in range(i):
            above, below = target[i] > target[j], target[i] < target[j]
            gap = scale * (score[i] - score[j])
            ahead = gap if above else -gap
            small = exp(-abs(ahead))
            missing = (T(0) if ahead > 0 else -ahead) + log1p(small)
            push = (small if ahead > 0 else T(1)) / (T(1) + small)
            pull = push if above else (-push if below else T(0))
            value += missing if above | below else T(0)
            pairs += T(1) if above | below else T(0)
            own += pull
            slope[j] = slope[j] + pull
        slope[i] = -own
    factor = T(1) / max(pairs, T(1))
    for i in range(len(score)):
        slope[i] = scale * factor * slope[i]
    return factor * value


@ranknet.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return ranknet
