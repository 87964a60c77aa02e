"""Distances between two rows, with their slopes. A loss may have one as a parameter: a name, or a user's function.

A distance takes two rows and two rows of slopes to fill, which share no memory with any other, and returns a number.
Like lossreg.kernels.numerics.stable, this module imports neither numpy nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from lossreg.definition.annotations import NamedFunctions
from lossreg.kernels.numerics.row_maps import apart_over, both_aside, direction_and_rest, fill_row, fill_rows
from lossreg.kernels.numerics.stable import INFINITY, exp, log, ratio, shifted_difference, sign, sqrt
from lossreg.kernels.numerics.sums import apart, inner_products, square_apart, wide, wide_square_apart, wide_sum

if TYPE_CHECKING:
    from collections.abc import Sequence

SHIFT = 1e-6
"""The number that PyTorch's PairwiseDistance adds to each difference."""
LEAST = 2.0**-100
"""The root of a sum of squares in float64 above this is not affected by underflow of its terms."""


def euclidean(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """PyTorch's default: the root of the sum of squares of x1 - x2 + 1e-6."""
    return minkowski(x1, x2, slope1, slope2, 2.0)


def manhattan(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The sum of |x1 - x2 + 1e-6|."""
    return minkowski(x1, x2, slope1, slope2, 1.0)


def chebyshev(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The largest |x1 - x2 + 1e-6|; if several are equal, they share the slope."""
    return minkowski(x1, x2, slope1, slope2, INFINITY)


def minkowski(x1: Any, x2: Any, slope1: Any, slope2: Any, p: float) -> Any:
    """The p-th root of the sum of |x1 - x2 + 1e-6|^p."""
    T = type(x1[0])
    size, multiple = distance(x1, x2, T(SHIFT), slope1, T(p))
    for j in range(len(x1)):
        slope2[j] = -slope1[j]
    return T(size * multiple)


def squared_euclidean(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The sum of (x1 - x2)^2."""
    T = type(x1[0])
    for j in range(len(x1)):
        away = x1[j] - x2[j]
        slope1[j], slope2[j] = T(2) * away, T(-2) * away
    return T(wide_sum(x1, x2, square_apart))


def cosine(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """One minus the cosine; 1, with slopes of 0, if a row is 0."""
    T = type(x1[0])
    _, turned = angle(x1, x2, slope1, slope2, T(-1), T(-INFINITY))
    return turned


def angle(row: Any, other: Any, slope1: Any, slope2: Any, factor: Any, least: Any) -> Any:
    """Return the cosine and one minus the cosine, which is accurate for nearly parallel rows.

    Fill the slopes with the gradient of the cosine times `factor`, or with 0 if the cosine is below `least`.
    """
    T = type(row[0])
    zero, half, one = T(0), T(0.5), T(1)
    size1, size2 = one, one
    squares1, squares2, mixed = inner_products(row, other)
    length1, length2 = sqrt(squares1), sqrt(squares2)
    if not (countable(length1, T(length1)) & countable(length2, T(length2))):
        size1, squares1, mixed = scaled(row, slope1, row)
        size2, squares2, mixed = scaled(other, slope2, slope1)
        length1, length2 = sqrt(squares1), sqrt(squares2)
        row, other = slope1, slope2
    whole, one1, one2 = length1 * length2, T(length1), T(length2)
    # Of unit vectors u and v, u - c v is computed from u - v or u + v if u is nearly v or -v. The sum of products
    # decides which, and whether the cosine is below `least`; for rows of integers that sum is exact in any order.
    facing = T(mixed > half * whole) - T(mixed < -half * whole)
    fill_rows(slope1, slope2, row, other, direction_and_rest, one1, one / one1, one2, one / one2, facing)
    _, squares, along = inner_products(slope1, slope2)
    along1, along2 = T(along), T(along if facing == 0 else -(facing * squares + along))
    factor = zero if mixed < least * whole else factor
    share1 = zero if size1 == 0 else factor / size1 / T(length1)
    share2 = zero if size2 == 0 else factor / size2 / T(length2)
    fill_rows(slope1, slope2, slope1, slope2, both_aside, facing, along1, share1, along2, share2)
    cosine = facing + along1
    return cosine, half * T(squares) if facing > 0 else one - cosine


def countable(root: Any, length: Any) -> Any:
    """Return whether the root of a sum of squares is not affected by underflow, and finite in the type of the row."""
    return (root > LEAST) & (length < INFINITY)


def magnitude(row: Sequence[Any]) -> Any:
    """The largest absolute value of a row; nan if one of its numbers is nan."""
    T = type(row[0])
    size = T(0)
    for j in range(len(row)):
        part = abs(row[j])
        size = part if (part > size) | (part != part) else size
    return size


def scaled(row: Sequence[Any], out: Any, other: Any) -> Any:
    """Fill `out` with the row divided by a scale, so that the sum of its squares neither overflows nor underflows.

    Return the scale, the sum of the squares, and the sum of the products with another row; 0, 1 and 0 for a row of
    zeros. If the row has infinite numbers, all others become 0.
    """
    T = type(row[0])
    size = magnitude(row)
    # The inverse of a subnormal number is infinite.
    size = size * T(2.0**52) if size < 1 else size
    whole, squares, mixed = T(1) if size == 0 else size, wide(T(size == 0)), wide(T(0))
    for j in range(len(row)):
        part = T(-1) if row[j] == -whole else ratio(row[j], whole)
        out[j] = part
        squares += wide(part) * part
        mixed += wide(part) * other[j]
    return size, squares, mixed


def distance(row: Sequence[Any], other: Sequence[Any], shift: Any, out: Any, p: Any) -> Any:
    """The distance (sum_j |row_j - other_j + shift|^p)^(1/p) as a scale times a float64 multiple: it may overflow.

    Fill `out` with its slopes with respect to `row`: 0 where a difference is 0; shared by the largest if p is inf.
    """
    T = type(row[0])
    if p == 2:
        root = sqrt(wide_sum(row, other, wide_square_apart, shift))
        length = T(root)
        if countable(root, length):
            fill_row(out, row, other, apart_over, shift, length, T(1) / length)
            return T(1), root
    return scaled_distance(row, other, shift, out, p)


def scaled_distance(row: Sequence[Any], other: Sequence[Any], shift: Any, out: Any, p: Any) -> Any:
    """`distance` for any p, also if sums overflow or underflow: differences are divided by the largest one."""
    T = type(row[0])
    if p == 1:
        added = wide_sum(row, other, apart, shift)
        if T(added) < INFINITY:
            for j in range(len(row)):
                out[j] = sign(shifted_difference(row[j], other[j], shift))
            return T(1), added
    for j in range(len(row)):
        out[j] = shifted_difference(row[j], other[j], shift)
    size = magnitude(out)
    if size == 0:
        return size, wide(T(1))
    if p == INFINITY:
        share_among_largest(out, size)
        return size, wide(T(1))
    added = wide(T(0))
    if size == INFINITY:
        return size, share_among_infinite(out, p)
    if T(1) + T(2.0**-40) == 1:
        # Of float32, whose powers by exp and log in float64 are exact; `**` takes 20 times as long.
        for j in range(len(row)):
            added += exp(wide(p) * log(wide(ratio(abs(out[j]), size))))
        root = added ** wide(T(1) / p)
        for j in range(len(row)):
            away = out[j]
            power = T(exp(wide(p - T(1)) * log(wide(ratio(abs(away), size)) / root)))
            out[j] = T(0) if away == 0 else (power if away > 0 else -power)
        return size, root
    for j in range(len(row)):
        part = ratio(abs(out[j]), size)
        added += T(1) if part == 1 else part**p
    root = added ** wide(T(1) / p)
    multiple = T(root)
    for j in range(len(row)):
        away = out[j]
        part = ratio(abs(away), size) / multiple
        power = T(1) if part == 1 else part ** (p - T(1))
        out[j] = T(0) if away == 0 else (power if away > 0 else -power)
    return size, root


def share_among_largest(row: Any, size: Any) -> None:
    """Replace the numbers of the largest absolute value by their signs over how many they are, and others by 0."""
    T = type(row[0])
    ties = T(0)
    for j in range(len(row)):
        ties += T(0) if abs(row[j]) < size else T(1)
    ties = ties if size == size else size
    for j in range(len(row)):
        row[j] = T(0) if abs(row[j]) < size else sign(row[j]) / ties


def share_among_infinite(row: Any, p: Any) -> Any:
    """Replace equal infinite numbers by slopes and others by 0; return the p-th root of how many are infinite."""
    T = type(row[0])
    added = wide(T(0))
    for j in range(len(row)):
        added += T(abs(row[j]) == INFINITY)
    root = sqrt(added) if p == 2 else added ** wide(T(1) / p)
    power = T(root ** wide(T(1) - p))
    for j in range(len(row)):
        row[j] = sign(row[j]) * power if abs(row[j]) == INFINITY else T(0)
    return root


def excess(one: Any, other: Any) -> Any:
    """The difference of two distances as `distance` returns them; it may be finite although both overflow."""
    T = type(one[0])
    size = other[0] if other[0] > one[0] else one[0]
    return T(size * (ratio(one[0], size) * one[1] - ratio(other[0], size) * other[1]))


DISTANCES = {function.__name__: function for function in (euclidean, squared_euclidean, manhattan, chebyshev, cosine)}

Distance = Annotated[Any, NamedFunctions(DISTANCES)]
"""A parameter that is the name of one of these, or a function with the same arguments."""
