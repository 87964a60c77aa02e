"""Distances between two rows, with their slopes: kernels that losses take as a parameter, by name or a user's own.

A distance takes two rows and the two rows of slopes to fill, which share no memory, and returns a number. Like
lossreg.kernels.numerics.stable, this module imports neither numpy nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from lossreg.definition.annotations import NamedFunctions
from lossreg.kernels.numerics.stable import INFINITY, portion, shifted, sqrt

if TYPE_CHECKING:
    from collections.abc import Sequence

SHIFT = 1e-6
"""What PyTorch's PairwiseDistance adds to each difference."""
LEAST = 2.0**-100
"""What is above this has lost nothing to the underflow of its parts, in float32 either."""


def euclidean(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """PyTorch's default: the root of the sum of squares of x1 - x2 + 1e-6."""
    return minkowski(x1, x2, slope1, slope2, 2.0)


def manhattan(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The sum of |x1 - x2 + 1e-6|."""
    return minkowski(x1, x2, slope1, slope2, 1.0)


def chebyshev(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The largest |x1 - x2 + 1e-6|; where several are, they share the slope."""
    return minkowski(x1, x2, slope1, slope2, INFINITY)


def minkowski(x1: Any, x2: Any, slope1: Any, slope2: Any, p: float) -> Any:
    """The p-th root of the sum of |x1 - x2 + 1e-6|^p."""
    T = type(x1[0])
    size, multiple = distance(x1, x2, T(SHIFT), slope1, T(p))
    for j in range(len(x1)):
        slope2[j] = -slope1[j]
    return size * multiple


def squared_euclidean(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The sum of (x1 - x2)^2."""
    T = type(x1[0])
    added = T(0)
    for j in range(len(x1)):
        apart = x1[j] - x2[j]
        added += apart * apart
        slope1[j], slope2[j] = T(2) * apart, T(-2) * apart
    return added


def cosine(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """One minus the cosine; 1, with slopes of 0, where a row is 0."""
    T = type(x1[0])
    _, turned = angle(x1, x2, slope1, slope2, T(-1), T(-INFINITY))
    return turned


def angle(row: Any, other: Any, slope1: Any, slope2: Any, factor: Any, least: Any) -> Any:
    """The cosine, and one minus the cosine, which keeps its digits where the rows nearly agree.

    Its slopes are filled in times the factor, or 0 where it is below the least that counts.
    """
    T = type(row[0])
    zero, half, one = T(0), T(0.5), T(1)
    size1, size2, squares1, squares2, mixed = one, one, zero, zero, zero
    for j in range(len(row)):
        u, v = row[j], other[j]
        squares1 += u * u
        squares2 += v * v
        mixed += u * v
    if not (countable(squares1) & countable(squares2)):
        size1, squares1, mixed = scaled(row, slope1, row)
        size2, squares2, mixed = scaled(other, slope2, slope1)
        row, other = slope1, slope2
    length1, length2 = sqrt(squares1), sqrt(squares2)
    whole = length1 * length2
    # u - c v, where u is nearly v or -v, is taken from u - v or u + v. Which of them, and whether the cosine counts, is
    # seen from the sum of products, which is exact where the rows are whole numbers, in any order.
    facing = T(mixed > half * whole) - T(mixed < -half * whole)
    apart, along1, along2 = zero, zero, zero
    for j in range(len(row)):
        slope1[j], slope2[j] = portion(row[j], length1), portion(other[j], length2)
    # A loop of its own: the rows may be the slopes by now, and one that adds up beside it would ask whether they are.
    for j in range(len(row)):
        u, v = slope1[j], slope2[j]
        apart += (u - v) * (u - v)
        along1 += u * aside(v, u, facing, zero, one, one)
        along2 += v * aside(u, v, facing, zero, one, one)
    factor = zero if mixed < least * whole else factor
    share1 = zero if size1 == 0 else factor / size1
    share2 = zero if size2 == 0 else factor / size2
    for j in range(len(row)):
        u, v = slope1[j], slope2[j]
        slope1[j] = aside(v, u, facing, along1, length1, share1)
        slope2[j] = aside(u, v, facing, along2, length2, share2)
    cosine = facing + along1
    return cosine, half * apart if facing > 0 else one - cosine


def aside(u: Any, v: Any, facing: Any, along: Any, length: Any, share: Any) -> Any:
    """(u - facing v) - along v, over a length, times a share: in this order, also in a loop that may take any other."""
    return (u - facing * v - along * v) / length * share


def countable(squares: Any) -> Any:
    """Whether a sum of squares has neither overflowed nor lost something to underflow."""
    return (squares > LEAST) & (squares < INFINITY)


def magnitude(row: Sequence[Any]) -> Any:
    """The largest absolute number of a row; nan if there is one."""
    T = type(row[0])
    size = T(0)
    for j in range(len(row)):
        part = abs(row[j])
        size = part if (part > size) | (part != part) else size
    return size


def scaled(row: Sequence[Any], out: Any, other: Any) -> Any:
    """Fill `out` with the row over a size, so that its squares can be added up.

    Gives the size, the sum of the squares, and that of the products with another row; of a row of 0 they are 0, 1 and
    0. Infinite numbers outweigh all others.
    """
    T = type(row[0])
    size = magnitude(row)
    # The inverse of a subnormal number is infinite.
    size = size * T(2.0**52) if size < 1 else size
    whole, squares, mixed = T(1) if size == 0 else size, T(size == 0), T(0)
    for j in range(len(row)):
        part = T(-1) if row[j] == -whole else portion(row[j], whole)
        out[j] = part
        squares += part * part
        mixed += part * other[j]
    return size, squares, mixed


def distance(row: Sequence[Any], other: Sequence[Any], shift: Any, out: Any, p: Any) -> Any:
    """The distance (sum_j |row_j - other_j + shift|^p)^(1/p) as a size times a multiple: the product may overflow.

    `out` is filled with its slopes by `row`: 0 where a difference is 0, shared by the largest where p is inf.
    """
    T = type(row[0])
    squares, added = T(0), T(0)
    for j in range(len(row)):
        apart = shifted(row[j], other[j], shift)
        out[j] = apart
        squares += apart * apart
    if (p == 2) & countable(squares):
        length = sqrt(squares)
        for j in range(len(row)):
            out[j] = portion(out[j], length)
        return T(1), length
    size = magnitude(out)
    if size == 0:
        return size, T(1)
    for j in range(len(row)):
        part = portion(abs(out[j]), size)
        added += T(1) if part == 1 else part**p
    multiple, ties = added ** (T(1) / p), added if p == INFINITY else T(1)
    for j in range(len(row)):
        apart = out[j]
        part = portion(abs(apart), size) / multiple
        power = T(1) if part == 1 else part ** (p - T(1))
        out[j] = T(0) if apart == 0 else (power if apart > 0 else -power) / ties
    return size, multiple


def excess(one: Any, other: Any) -> Any:
    """A distance less another, each given as by `distance`: they may overflow where their difference does not."""
    size = other[0] if other[0] > one[0] else one[0]
    return size * (portion(one[0], size) * one[1] - portion(other[0], size) * other[1])


DISTANCES = {function.__name__: function for function in (euclidean, squared_euclidean, manhattan, chebyshev, cosine)}

Distance = Annotated[Any, NamedFunctions(DISTANCES)]
"""A parameter that is one of these, by its name, or a function like them."""
