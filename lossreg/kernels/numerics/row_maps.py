"""Fill rows with a function of the numbers of two other rows.

Compiled code computes vectors of numbers, and the remainder of a row with a mask; the compiler's own vectorization
leaves the remainder, which is all of a row of 10, to a scalar loop. Like lossreg.kernels.numerics.stable, this module
imports neither numpy nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics.stable import ratio, shifted_difference

if TYPE_CHECKING:
    from collections.abc import Sequence


def fill_row(out: Any, row: Sequence[Any], other: Sequence[Any], term: Any, *settings: Any) -> None:
    """Fill `out` with term(x, y, *settings) for the numbers of two rows; it may be one of these rows."""
    for j in range(len(row)):
        out[j] = term(row[j], other[j], *settings)


def fill_rows(out1: Any, out2: Any, row: Sequence[Any], other: Sequence[Any], term: Any, *settings: Any) -> None:
    """Fill two rows with the two results of term(x, y, *settings); they may be the rows of the numbers."""
    for j in range(len(row)):
        out1[j], out2[j] = term(row[j], other[j], *settings)


def aside(u: Any, v: Any, facing: Any, along: Any, share: Any) -> Any:
    """((u - facing v) - along v) share in this order, also in loops whose sums may be reordered."""
    return (u - facing * v - along * v) * share


def both_aside(u: Any, v: Any, facing: Any, along1: Any, share1: Any, along2: Any, share2: Any) -> tuple[Any, Any]:
    """Return `aside` of v and u, and of u and v."""
    return aside(v, u, facing, along1, share1), aside(u, v, facing, along2, share2)


def two_ratios(x: Any, y: Any, length1: Any, length2: Any) -> tuple[Any, Any]:
    """Return `ratio` of x and the first length, and of y and the second."""
    return ratio(x, length1), ratio(y, length2)


def shifted_ratio(x: Any, y: Any, shift: Any, length: Any) -> Any:
    """Return `ratio` of (x - y) + shift and a length."""
    return ratio(shifted_difference(x, y, shift), length)
