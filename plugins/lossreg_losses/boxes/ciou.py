"""Complete IoU of boxes: the distance-IoU loss, and how much their aspect ratios differ.

    value = 1 - I / U + r^2 / c^2 + a v        v = 4 / pi^2 (atan(w' / h') - atan(w / h))^2, a = v / (1 - I / U + v)
    slope by a coordinate = that of `diou` + a dv

with width w and height h of the box, w' and h' of the target. As in the paper, the slope takes a for a constant. Boxes
are x1, y1, x2, y2; where x1 is not below x2, or y1 not below y2, the area is 0, and so are I / 0, r / 0 and v; a is 0
where v is.

Shapes: box and target (N, 4), or (4). Ranges: any finite numbers.
Exactness: where the square of a coordinate leaves the range of floats, the value does too.
Source: Zheng et al. (2020), arXiv:1911.08287; torchvision's complete_box_iou_loss, which adds 1e-7 to U, c^2 and the
denominator of a.

>>> ciou.at([0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0])[0]
0.7666666666666666
"""

from math import pi
from typing import Annotated

from lossreg.kernels.numerics import add_centre_distance, atan, box_size, distance_of_boxes, outward, wide, wide_box
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

NORM = 4 / pi**2


@loss
def ciou(box: Box, target: Box, slope: Slope) -> float:
    T, box, target = type(box[0]), wide_box(box), wide_box(target)
    apart, _ = distance_of_boxes(box, target, slope)
    away = add_centre_distance(box, target, slope)
    (width, height), (true_width, true_height) = box_size(box), box_size(target)
    have_areas = (width > 0) & (height > 0) & (true_width > 0) & (true_height > 0)
    # Together they give the difference of two arctangents.
    sine, cosine = true_width * height - width * true_height, true_height * height + true_width * width
    turn = wide(atan(T(sine / cosine)) if have_areas else T(0))
    shape = T(NORM) * turn * turn
    share = shape / (apart + shape) if shape > 0 else T(0)
    pull = share * T(2) * T(NORM) * turn / (width * width + height * height) if have_areas else T(0)
    for j in range(4):
        slope[j] += outward(j, -pull * height if j % 2 == 0 else pull * width)
    return T(apart + away + share * shape)


@hookimpl
def lossreg_component() -> Loss:
    return ciou
