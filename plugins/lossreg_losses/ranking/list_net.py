"""ListNet: the cross-entropy of the softmax of the scores in each group with that of the relevances.

    value = -sum_i softmax(target)_i log(softmax(score)_i)        over the samples of a group
    slope of score_i = softmax(score)_i - softmax(target)_i

Shapes: score, target and group (N). Ranges: any finite numbers; any integers as groups. All samples of a group have the
weight of the group.
Source: Cao et al. (2007), doi:10.1145/1273496.1273513, the loss of the top one.

>>> list_net.at([0.0, 0.0], [0.0, 0.0], [1, 1])
([0.6931471805599453], [0.0, 0.0])
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, largest, log, total, weighted, wide
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
    row_criterion,
)

Number = Annotated[Array, Axes("N", Finite)]


@loss(couples="groups")
def list_net(
    score: Number, target: Number, group: Annotated[Array, Axes("N", Group)], group_weight: SampleWeight, slopes: Slopes
) -> Array:
    padding = (-INFINITY, -INFINITY)
    return each_group_as_row(row_criterion(ranks), group, group_weight, (score, target), padding, slopes.get("score"))


@loss
def ranks(score: ClassRow[Real], target: ClassRow[Real], slope: Slope) -> float:
    """The value of one group, and its slopes; only padding is not finite."""
    T = type(score[0])
    most, top, mass = largest(target), largest(score), wide(T(0))
    for j in range(len(score)):
        slope[j] = exp(target[j] - most)
    for j in range(len(score)):
        mass += exp(score[j] - top)
    norm, by_mass, by_wanted, value = log(T(mass)), T(1) / T(mass), T(1) / total(slope), wide(T(0))
    for j in range(len(score)):
        wanted, behind = slope[j] * by_wanted, top - score[j]
        value += weighted(wanted, behind + norm)
        slope[j] = exp(-behind) * by_mass - wanted
    return T(value)


@list_net.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return list_net
