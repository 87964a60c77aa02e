"""Sizes of two boxes, of what they share and of the smallest box around both, and how each grows with a coordinate.

Boxes are x1, y1, x2, y2. Where x1 is not below x2, or y1 not below y2, a box has no area.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics.sums import wide

if TYPE_CHECKING:
    from collections.abc import Sequence


def wide_box(box: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
    """Return the coordinates in float64, as areas of float32 coordinates may be out of the range of float32."""
    return wide(box[0]), wide(box[1]), wide(box[2]), wide(box[3])


def box_size(box: Sequence[Any]) -> tuple[Any, Any]:
    """Return the width and the height of a box, not below 0."""
    T = type(box[0])
    return max(box[2] - box[0], T(0)), max(box[3] - box[1], T(0))


def intersection_size(box: Sequence[Any], target: Sequence[Any]) -> tuple[Any, Any]:
    """Return the width and the height of what two boxes share, both 0 where it has no area."""
    T = type(box[0])
    width, height = min(box[2], target[2]) - max(box[0], target[0]), min(box[3], target[3]) - max(box[1], target[1])
    shared = T(width > 0) * T(height > 0)
    return shared * width, shared * height


def hull_size(box: Sequence[Any], target: Sequence[Any]) -> tuple[Any, Any]:
    """Return the width and the height of the smallest box around two boxes, not below 0."""
    T = type(box[0])
    width, height = max(box[2], target[2]) - min(box[0], target[0]), max(box[3], target[3]) - min(box[1], target[1])
    return max(width, T(0)), max(height, T(0))


def outward(j: int, x: Any) -> Any:
    """Return x with the sign that the coordinate j of a box grows it with: minus for the lower two."""
    return -x if j < 2 else x


def bounds_intersection(j: int, box: Sequence[Any], target: Sequence[Any]) -> Any:
    """Return 1 where the coordinate j of a box, and not that of the target, is an edge of what they share, else 0."""
    T = type(box[0])
    return T(box[j] > target[j]) if j < 2 else T(box[j] < target[j])


def bounds_hull(j: int, box: Sequence[Any], target: Sequence[Any]) -> Any:
    """Return 1 where the coordinate j of a box, and not that of the target, is an edge of their hull, else 0."""
    T = type(box[0])
    return T(box[j] < target[j]) if j < 2 else T(box[j] > target[j])


def area_outside(box: Sequence[Any], other: Sequence[Any]) -> Any:
    """Return the area of a box outside of another one, as a sum of two strips, which cancels nothing."""
    T = type(box[0])
    (width, height), (x, y) = box_size(box), intersection_size(box, other)
    aside = (box[2] - min(box[2], other[2])) + (max(box[0], other[0]) - box[0])
    above = (box[3] - min(box[3], other[3])) + (max(box[1], other[1]) - box[1])
    shared = T(x > 0) * T(y > 0)
    return width * height if shared == 0 else width * above + y * aside


def distance_of_boxes(box: Sequence[Any], target: Sequence[Any], slope: Any) -> tuple[Any, Any]:
    """Return 1 - I / U, of the areas I shared and U covered, or 1 where U is 0, and U; fill the slopes by the box."""
    T = type(box[0])
    (width, height), (x, y) = box_size(box), intersection_size(box, target)
    apart = area_outside(box, target) + area_outside(target, box)
    union = x * y + apart
    by_union = T(1) / union if union > 0 else T(0)
    share, distance = x * y * by_union, apart * by_union if union > 0 else T(1)
    for j in range(4):
        own = height * T(width > 0) if j % 2 == 0 else width * T(height > 0)
        common = bounds_intersection(j, box, target) * (y if j % 2 == 0 else x)
        slope[j] = outward(j, by_union * (share * own - (T(1) + share) * common))
    return distance, union


def add_centre_distance(box: Sequence[Any], target: Sequence[Any], slope: Any) -> Any:
    """Return r^2 / c^2 of two boxes, and add its slopes by the box; 0 where both are one point.

    r is the distance of their centres, and c the diagonal of the smallest box around both.
    """
    T = type(box[0])
    ahead, below = (box[0] + box[2]) - (target[0] + target[2]), (box[1] + box[3]) - (target[1] + target[3])
    (across, down), quarter = hull_size(box, target), T(0.25)
    diagonal = across * across + down * down
    by_diagonal = T(1) / diagonal if diagonal > 0 else T(0)
    away = quarter * (ahead * ahead + below * below) * by_diagonal
    for j in range(4):
        centre, side = (ahead, across) if j % 2 == 0 else (below, down)
        growth = outward(j, T(2) * away * bounds_hull(j, box, target) * side)
        slope[j] += by_diagonal * (T(0.5) * centre - growth)
    return away
