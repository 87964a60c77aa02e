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

from lossreg.plugin import (
    Array,
    Axes,
    Finite,
    Group,
    Loss,
    SampleWeight,
    Slopes,
    hookimpl,
    loss,
    segment_softmax,
    segment_sums,
    sorted_segments,
)

Number = Annotated[Array, Axes("N", Finite)]


@loss(couples="groups")
def list_net(
    score: Number, target: Number, group: Annotated[Array, Axes("N", Group)], group_weight: SampleWeight, slopes: Slopes
) -> Array:
    import numpy as np

    order, bounds = sorted_segments(group)
    shares, norm = segment_softmax(score[order], bounds)
    wanted, _ = segment_softmax(target[order], bounds)
    if "score" in slopes:
        slopes["score"][order] = (shares - wanted) * np.repeat(group_weight, np.diff(bounds))
    behind = np.repeat(norm, np.diff(bounds)) - score[order]
    return segment_sums(wanted * behind, bounds) * group_weight


@list_net.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Groups of different sizes."""
    return [random.normal(size=samples), random.integers(0, 3, samples) * 1.0, random.integers(0, 3, samples)], {}


@hookimpl
def lossreg_component() -> Loss:
    return list_net
