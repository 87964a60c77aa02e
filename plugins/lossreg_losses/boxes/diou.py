"""Distance-IoU of boxes: one less their shared part, and how far their centres are apart in the box around both.

    value = 1 - I / U + r^2 / c^2
    slope by a coordinate = (I / U dU - dI) / U + (dr^2 - r^2 / c^2 dc^2) / c^2

with areas I of the intersection and U of the union, the distance r of the centres, and the diagonal c of the smallest
box around both. Boxes are x1, y1, x2, y2; where x1 is not below x2, or y1 not below y2, the area is 0, and so are I / 0
and r / 0. At equal edges the slope is that of moving the edge outward.

Shapes: box and target (N, 4), or (4). Ranges: any finite numbers.
Exactness: where the square of a coordinate leaves the range of floats, the value does too.
Source: Zheng et al. (2020), arXiv:1911.08287; torchvision's distance_box_iou_loss, which adds 1e-7 to U and c^2.

>>> diou.at([0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0])[0]
0.7666666666666666
"""

from typing import Annotated

from lossreg.kernels.numerics import add_centre_distance, distance_of_boxes, wide_box
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
def diou(box: Box, target: Box, slope: Slope) -> float:
    T, box, target = type(box[0]), wide_box(box), wide_box(target)
    apart, _ = distance_of_boxes(box, target, slope)
    return T(apart + add_centre_distance(box, target, slope))


@hookimpl
def lossreg_component() -> Loss:
    return diou
