"""Intersection over union of boxes: one less the part of what either box covers that both do.

    value = 1 - I / U        with areas I of the intersection and U of the union
    slope by a coordinate = (I / U dU - dI) / U

Boxes are x1, y1, x2, y2; where x1 is not below x2, or y1 not below y2, the area is 0. Where U is 0 the value is 1, and
where the boxes do not meet there is no slope. At equal edges the slope is that of moving the edge outward.

Shapes: box and target (N, 4), or (4). Ranges: any finite numbers.
Source: Yu et al. (2016), arXiv:1608.01471, without their logarithm; torchvision's box_iou.

>>> iou.at([0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0])[0]
0.6666666666666666
"""

from typing import Annotated

from lossreg.kernels.numerics import distance_of_boxes, wide_box
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
def iou(box: Box, target: Box, slope: Slope) -> float:
    T = type(box[0])
    return T(distance_of_boxes(wide_box(box), wide_box(target), slope)[0])


@hookimpl
def lossreg_component() -> Loss:
    return iou
