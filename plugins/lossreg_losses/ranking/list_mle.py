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

from lossreg.kernels.numerics import INFINITY, difference, exp, log, log1p
from lossreg.plugin import (
    Array,
    Axes,
    ClassRow,
    Finite,
    Group,
    Loss,
    Real,
    SampleWeight,
    Slope,
    Slopes,
    each_group_as_row,
    hookimpl,
    loss,
    order_within,
    row_criterion,
    sorted_segments,
)

Number = Annotated[Array, Axes("N", Finite)]


@loss(couples="groups")
def list_mle(
    score: Number, target: Number, group: Annotated[Array, Axes("N", Group)], group_weight: SampleWeight, slopes: Slopes
) -> Array:
    import numpy as np

    order, bounds = sorted_segments(group)
    order = order_within(bounds, order, target)
    inputs, slope = (score[order].astype(float), target[order].astype(float)), np.empty(len(order))
    padding = (-INFINITY, -INFINITY)
    values = each_group_as_row(
        row_criterion(draw), group[order], group_weight, inputs, padding, slope if slopes else None
    )
    if "score" in slopes:
        slopes["score"][order] = slope
    return values


@loss
def draw(score: ClassRow[Real], target: ClassRow[Real], slope: Slope, buffer: Slope) -> float:
    """The value of one group in descending order of its targets, and its slopes.

    A sum of exponentials is its largest exponent, in `buffer`, and the sum divided by that one, in `slope`.
    """
    T, n = type(score[0]), len(score)
    top, mass = T(-INFINITY), T(0)
    for back in range(n):
        k = n - 1 - back
        top, mass = with_exponent(top, mass, score[k])
        buffer[k], slope[k] = top, mass
    value, before, tied_mass, drawn = T(0), T(-INFINITY), T(0), T(0)
    for k in range(n):
        s, tied = score[k], (target[k] == target[max(k - 1, 0)]) & (k > 0)
        rest, rest_mass = T(-INFINITY), T(0)
        if k + 1 < n:
            rest, rest_mass = buffer[k + 1], slope[k + 1]
        joined, joined_mass = with_exponent(before, tied_mass, score[max(k - 1, 0)])
        before, tied_mass = (joined, joined_mass) if tied else (T(-INFINITY), T(0))
        both = max(rest, before)
        rest_mass = rest_mass * exp(difference(rest, both)) + tied_mass * exp(difference(before, both))
        small = exp(-abs(difference(s, both)))
        missing = log1p(rest_mass * small) if s > both else difference(both, s) + log(rest_mass + small)
        value += missing if s > -INFINITY else T(0)
        first, first_mass = buffer[k], slope[k]
        if k > 0:
            first, first_mass = (top, mass) if tied else (first, first_mass)
            drawn = drawn * exp(difference(first, top))
        top, mass = first, first_mass
        drawn += T(1) / mass
        buffer[k], slope[k] = top, drawn
    later = T(0)
    for back in range(n):
        k = n - 1 - back
        own, following = slope[k], target[min(k + 1, n - 1)]
        drawn = later if (target[k] == following) & (back > 0) else own
        later = drawn
        slope[k] = exp(difference(score[k], buffer[k])) * drawn - T(1)
    return value


def with_exponent(top: float, mass: float, x: float) -> tuple[float, float]:
    """The sum of exponentials with e^x added to it."""
    T = type(x)
    small, above = exp(-abs(difference(x, top))), x > top
    return (x if above else top), (mass * small + T(1) if above else mass + small)


@list_mle.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return list_mle
