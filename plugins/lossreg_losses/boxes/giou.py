"""Generalized intersection over union of boxes: one less their shared part, and more the farther they are apart.

    value = 1 - I / U + (H - U) / H
    slope by a coordinate = (I / U dU - dI) / U + (U / H dH - dU) / H

with the areas I of the intersection, U of the union and H of the smallest box around both. Boxes are x1, y1, x2, y2;
where x1 is not below x2, or y1 not below y2, the area is 0, and so is I / 0; U / 0 is 1. At equal edges the slope is
that of moving the edge outward.

Shapes: box and target (N, 4), or (4). Ranges: any finite numbers.
Source: Rezatofighi et al. (2019), arXiv:1902.09630; torchvision's generalized_box_iou_loss, which adds 1e-7 to U and H.

>>> giou.at([0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0])[0]
0.6666666666666666
"""

from typing import Annotated

from lossreg.kernels.numerics import (
    bounds_hull,
    bounds_intersection,
    box_size,
    difference,
    distance_of_boxes,
    hull_size,
    intersection_size,
    outward,
    ratio,
    wide_box,
)
from lossreg.plugin import (
    Finite,
    Loss,
    Row,
    Slope,
    Width,
    hookimpl,
    loss,
)

Box = Annotated[Row[Finite], Width(4)]


@loss
def giou(box: Box, target: Box, slope: Slope) -> float:
    T, box, target = type(box[0]), wide_box(box), wide_box(target)
    apart, union = distance_of_boxes(box, target, slope)
    (width, height), (x, y) = box_size(box), intersection_size(box, target)
    hull_width, hull_height = hull_size(box, target)
    hull = hull_width * hull_height
    by_hull = T(1) / hull if hull > 0 else T(0)
    filled = ratio(union, hull) if hull > 0 else T(1)
    for j in range(4):
        own = height * T(width > 0) if j % 2 == 0 else width * T(height > 0)
        around = hull_height if j % 2 == 0 else hull_width
        common = bounds_intersection(j, box, target) * (y if j % 2 == 0 else x)
        slope[j] += outward(j, by_hull * (difference(filled * bounds_hull(j, box, target) * around, own) + common))
    return T(apart + (T(1) - filled))


@hookimpl
def lossreg_component() -> Loss:
    return giou
