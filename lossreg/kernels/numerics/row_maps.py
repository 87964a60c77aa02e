"""Fill rows with a function of the numbers of two other rows.

Compiled code computes vectors of numbers, and the remainder of a row with a mask; the compiler's own vectorization
leaves the remainder, which is all of a row of 10, to a scalar loop. Like lossreg.kernels.numerics.stable, this module
imports neither numpy nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics.stable import shifted_difference

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


def rescaled(x: Any, y: Any, factor: Any, counts: Any) -> Any:
    """Return x times a factor, or 0 if the row does not count."""
    T = type(x)
    return x * factor if counts else T(0)


def quotient(x: Any, length: Any, inverse: Any) -> Any:
    """x / length, given 1 / length too: compiled code multiplies by it and corrects the result, as division is slow."""
    return x / length


def apart_over(x: Any, y: Any, shift: Any, length: Any, inverse: Any) -> Any:
    """Return the `quotient` of (x - y) + shift and a length."""
    return quotient(shifted_difference(x, y, shift), length, inverse)


def direction_and_rest(
    x: Any, y: Any, length1: Any, inverse1: Any, length2: Any, inverse2: Any, facing: Any
) -> tuple[Any, Any]:
    """Return u and v - facing u, for u and v the quotients of x and the first length, and of y and the second."""
    u = quotient(x, length1, inverse1)
    return u, quotient(y, length2, inverse2) - facing * u


def both_aside(u: Any, rest: Any, facing: Any, along1: Any, share1: Any, along2: Any, share2: Any) -> tuple[Any, Any]:
    """Return (v - facing u - along1 u) share1 and (u - facing v - along2 v) share2, for rest = v - facing u."""
    turned = u if facing == 0 else -facing * rest
    return (rest - along1 * u) * share1, (turned - along2 * (rest + facing * u)) * share2
