"""LambdaRank: RankNet's pairs, each weighed by how much NDCG would change if the two swapped their ranks.

    value = sum over pairs i, j with target_i > target_j of d_ij softplus(-scale (s_i - s_j))        for each group
    d_ij = (2^target_i - 2^target_j) |1 / log2(1 + r_i) - 1 / log2(1 + r_j)| / the largest possible DCG
    slope of s_i = -scale d_ij sigmoid(-scale (s_i - s_j)), summed over its pairs; of s_j its negative

with the ranks r, from 1, in descending order of the scores; of equal scores the one that is given first is before. The
ranks do not change where the scores move by little, so these are the exact slopes. A group in which all targets are
equal has value 0, and a mean does not count it. The time grows with the square of a group's size.

Shapes: score, target and group (N). Ranges: any finite scores; targets 0 to 1000; any integers as groups; scale above 0
and finite. All samples of a group have the weight of the group.
Source: Burges, Ragno, Le (2006), Learning to rank with nonsmooth cost functions; Wang et al. (2018),
doi:10.1145/3269206.3271784; LightGBM's lambdarank (4.7), which truncates and normalizes.

>>> lambda_rank.at([0.0, 0.0], [0.0, 1.0], [1, 1])
([0.2558200007405084], [0.18453512321427123, -0.18453512321427123])
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import LN2, exp, exp2, log, log1p
from lossreg.plugin import (
    Array,
    Axes,
    ClassRow,
    Domain,
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
    order_within,
    row_criterion,
    sorted_segments,
)


def relevance(x: float) -> bool:
    return (x >= 0) & (x <= 1000)


Relevance = Annotated[float, Domain("Relevance", "from 0 to 1000", relevance, 1.0, "ranking", interval=True)]


@loss(couples="groups")
def lambda_rank(
    score: Annotated[Array, Axes("N")],
    target: Annotated[Array, Axes("N", Relevance)],
    group: Annotated[Array, Axes("N", Group)],
    group_weight: SampleWeight,
    slopes: Slopes,
    scale: FinitePositive = 1.0,
) -> tuple[Array, Array]:
    import numpy as np

    order, bounds = sorted_segments(group)
    gains, discounts = np.empty(len(order)), np.empty(len(order))
    counts, factor = np.empty_like(group_weight), np.empty(len(group_weight))
    each(gain, 1, target, gains)
    best = order_within(bounds, order, gains)
    each(normalize, len(counts), best, bounds, gains, group_weight, discounts, counts, factor)
    order = order_within(bounds, order, score)
    inputs, slope = (score[order].astype(float), gains[order], discounts), np.empty(len(order))
    values = each_group_as_row(
        row_criterion(rank, scale=scale), group[order], factor, inputs, (0.0, np.nan, 0.0), slope if slopes else None
    )
    if "score" in slopes:
        slopes["score"][order] = slope
    return values, counts


def gain(_: int, target: Any, gains: Any) -> None:
    """The gains of all samples, in units of 2^top for the largest target, so that none overflows."""
    top = 0.0
    for i in range(len(target)):
        top = max(top, float(target[i]))
    least = exp2(-top)
    for i in range(len(target)):
        gains[i] = exp2(target[i] - top) - least


def normalize(
    g: int, best: Any, bounds: Any, gains: Any, weight: Any, discounts: Any, counts: Any, factor: Any
) -> None:
    """The discounts of the ranks of group g, what it counts, and its weight over the largest possible DCG."""
    first, last, most = bounds[g], bounds[g + 1], 0.0
    for at in range(first, last):
        discounts[at] = LN2 / log(2.0 + (at - first))
        most += gains[best[at]] * discounts[at]
    counts[g] = weight[g] if gains[best[first]] > gains[best[last - 1]] else 0
    factor[g] = counts[g] / most if counts[g] > 0 else 0.0


@loss
def rank(
    score: ClassRow[Real],
    gain: ClassRow[Real],
    discount: ClassRow[Real],
    slope: Slope,
    scale: FinitePositive = 1.0,
) -> float:
    """The value of one group in the order of its ranks, and its slopes, from each pair once."""
    T = type(score[0])
    value = T(0)
    for i in range(len(score)):
        own = T(0)
        for j in range(i):
            change = (gain[i] - gain[j]) * (discount[j] - discount[i])
            ahead = scale * (score[j] - score[i])
            small = exp(-ahead)
            missing, push = log1p(small), T(1) / (T(1) + small)
            # Where the one behind should be ahead, it is behind by as much.
            missing, push = (ahead + missing, -change * push) if change > 0 else (missing, -change * small * push)
            value += abs(change) * missing if abs(change) > 0 else T(0)
            push = push if abs(change) > 0 else T(0)
            own += push
            slope[j] = slope[j] - push
        slope[i] = own
    for i in range(len(score)):
        slope[i] = scale * slope[i]
    return value


@lambda_rank.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return lambda_rank
