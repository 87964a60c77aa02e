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

from lossreg.kernels.numerics import exp, log1p
from lossreg.plugin import (
    Array,
    Axes,
    Domain,
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

LN2 = 0.6931471805599453


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

    _, bounds = sorted_segments(group)
    order, best = np.lexsort((-score, group)), np.lexsort((-target, group))
    values, counts = np.empty_like(group_weight), np.empty_like(group_weight)
    gains = np.exp2(target.astype(float) - target.max(initial=0)) - np.exp2(-target.max(initial=0).astype(float))
    discounts = 1 / np.log2(np.arange(2, 2 + np.diff(bounds).max(initial=0)))
    slope = np.zeros(len(score))
    operands = (score, gains, discounts, order, best, bounds, group_weight, float(scale), values, counts, slope)
    each(rank, len(values), *operands)
    if "score" in slopes:
        slopes["score"][...] = slope
    return values, counts


def rank(
    g: int,
    score: Any,
    gains: Any,
    discounts: Any,
    order: Any,
    best: Any,
    bounds: Any,
    weight: Any,
    scale: float,
    values: Any,
    counts: Any,
    slope: Any,
) -> None:
    """The value of one group, and its slopes, from each pair once."""
    members, ideal = order[bounds[g] : bounds[g + 1]], best[bounds[g] : bounds[g + 1]]
    most, equal = 0.0, gains[ideal[0]] == gains[ideal[-1]]
    for r in range(len(ideal)):
        most += gains[ideal[r]] * discounts[r]
    counts[g] = 0 if equal else weight[g]
    factor = 0.0 if equal else float(counts[g]) / most
    value = 0.0
    for r in range(1, len(members)):
        i, own = members[r], 0.0
        for q in range(r):
            j = members[q]
            change = factor * (gains[i] - gains[j]) * (discounts[q] - discounts[r])
            side = 1.0 if change > 0 else -1.0
            ahead = side * scale * (float(score[i]) - float(score[j]))
            small = exp(-abs(ahead))
            value += abs(change) * (max(-ahead, 0.0) + log1p(small))
            pull = change * (small if ahead >= 0 else 1.0) / (1.0 + small)
            own += pull
            slope[j] += scale * pull
        slope[i] -= scale * own
    values[g] = value


@lambda_rank.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return lambda_rank
