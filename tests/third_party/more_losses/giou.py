"""Generalised intersection over union of boxes: 1 less their shared part, and more the farther they are apart.

value = 1 - I / U + (H - U) / H    with areas I of the intersection, U of the union, H of the smallest box around both

Boxes are x1, y1, x2, y2, with x1 below x2 and y1 below y2, whose area is then above 0. Shapes: box and target
(N, 4). Ranges: any finite numbers. Source: Rezatofighi et al. (2019), arXiv:1902.09630.

>>> giou.at([0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0])[0]
0.6666666666666667
"""

from typing import Annotated

from lossreg.plugin import Finite, Loss, Row, Slope, Width, hookimpl, loss

Box = Annotated[Row[Finite], Width(4)]


@loss
def giou(box: Box, target: Box, slope: Slope) -> float:
    T = type(box[0])
    wide, high = box[2] - box[0], box[3] - box[1]
    x, y = min(box[2], target[2]) - max(box[0], target[0]), min(box[3], target[3]) - max(box[1], target[1])
    over_x, over_y = T(x > 0) * T(y > 0), T(x > 0) * T(y > 0)
    shared = over_x * x * y
    union = wide * high + (target[2] - target[0]) * (target[3] - target[1]) - shared
    around_x = max(box[2], target[2]) - min(box[0], target[0])
    around_y = max(box[3], target[3]) - min(box[1], target[1])
    hull = around_x * around_y
    by_shared, by_hull = -(T(1) / union + shared / union / union) + T(1) / hull, union / hull / hull
    by_area = shared / union / union - T(1) / hull
    for j in range(4):
        side, across = (T(-1) if j < 2 else T(1)), (y if j % 2 == 0 else x)
        inside = T(box[j] > target[j]) if j < 2 else T(box[j] < target[j])
        outside = T(box[j] < target[j]) if j < 2 else T(box[j] > target[j])
        own, around = (high, around_y) if j % 2 == 0 else (wide, around_x)
        slope[j] = side * (by_area * own + by_shared * inside * over_y * across + by_hull * outside * around)
    return T(1) - shared / union + (hull - union) / hull


@hookimpl
def lossreg_component() -> Loss:
    return giou
