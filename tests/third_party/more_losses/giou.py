"""Generalised intersection over union of boxes: 1 less their shared part, and more the farther they are apart.

value = 1 - I / U + (H - U) / H    with areas I of the intersection, U of the union, H of the smallest box around both

Boxes are x1, y1, x2, y2; where x1 is not below x2, or y1 not below y2, the area is 0, and so is I / 0; U / 0 is 1.
Shapes: box and target (N, 4). Ranges: any finite numbers. Source: Rezatofighi et al. (2019), arXiv:1902.09630.

>>> giou.at([0.0, 0.0, 2.0, 1.0], [1.0, 0.0, 3.0, 1.0])[0]
0.6666666666666667
"""

from typing import Annotated

from lossreg.kernels.numerics import difference
from lossreg.plugin import Finite, Loss, Row, Slope, Width, hookimpl, loss

Box = Annotated[Row[Finite], Width(4)]


@loss
def giou(box: Box, target: Box, slope: Slope) -> float:
    T = type(box[0])
    wide, high = max(box[2] - box[0], T(0)), max(box[3] - box[1], T(0))
    x, y = min(box[2], target[2]) - max(box[0], target[0]), min(box[3], target[3]) - max(box[1], target[1])
    over = T(x > 0) * T(y > 0)
    shared = over * x * y
    union = wide * high + max(target[2] - target[0], T(0)) * max(target[3] - target[1], T(0)) - shared
    around_x = max(max(box[2], target[2]) - min(box[0], target[0]), T(0))
    around_y = max(max(box[3], target[3]) - min(box[1], target[1]), T(0))
    hull = around_x * around_y
    share = shared / union if union > 0 else T(0)
    filled = union / hull if hull > 0 else T(1)
    by_union, by_hull = (T(1) / union if union > 0 else T(0)), (T(1) / hull if hull > 0 else T(0))
    for j in range(4):
        side, across = (T(-1) if j < 2 else T(1)), (y if j % 2 == 0 else x)
        inside = T(box[j] > target[j]) if j < 2 else T(box[j] < target[j])
        outside = T(box[j] < target[j]) if j < 2 else T(box[j] > target[j])
        own, around = (high * T(wide > 0), around_y) if j % 2 == 0 else (wide * T(high > 0), around_x)
        common = inside * over * across
        growth = difference(filled * outside * around, own) + common
        slope[j] = side * (by_hull * growth + by_union * (share * own - (T(1) + share) * common))
    return T(2) - share - filled


@hookimpl
def lossreg_component() -> Loss:
    return giou
