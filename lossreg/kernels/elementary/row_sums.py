"""Vectorized versions of lossreg.kernels.numerics.sums for compiled loops.

Four vectors are converted to float64, added to one another and then to accumulators, which are compensated if the
numbers are float64. (Added to one another in float32 first, means of 7 to 2,048 numbers of mixed size were off by up to
1.6 ulps.) Sums of equal numbers are exact. The remainder of a row is loaded with a mask: for rows of 10 that takes half
the time of a scalar loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit, types

from lossreg.kernels.compiler.options import EXACT, LANES, inner, is_stock
from lossreg.kernels.elementary.float_formats import as_float64, fma, number, product_in_float64
from lossreg.kernels.elementary.polynomials import COMPILED, compiles
from lossreg.kernels.elementary.row_maps import are_contiguous
from lossreg.kernels.numerics import stable, sums
from lossreg.kernels.simd.contiguous_vectors import (
    compensated_halves,
    lanes_from,
    leading,
    leading_lanes,
    plain_lane_sum,
    wide_lanes,
)
from lossreg.kernels.simd.vector_rows import LaneRow, choose

if TYPE_CHECKING:
    from collections.abc import Callable

compensated_add, plain_add, compensated_sum, first_of = (
    njit(**inner(EXACT))(each) for each in (sums.compensated_add, sums.plain_add, sums.compensated_sum, sums.first_of)
)


@njit(**inner(EXACT))
def lane_sum(added: Any, lost: Any) -> Any:
    """The compensated sum of all lanes."""
    total, errors = compensated_halves(added, lost)
    return compensated_sum(total, errors)


def one_by_one(row: Any, other: Any, term: Any, *settings: Any) -> Any:
    """The sum of terms of rows of any stride, by a scalar loop."""
    added, lost = 0.0, 0.0
    for j in range(len(row)):
        added, lost = compensated_add(added, lost, term(row[j], other[j], *settings))
    return compensated_sum(added, lost)


def lane_by_lane(row: Any, other: Any, term: Any, *settings: Any) -> Any:
    """The sum of terms of rows of lanes, in each lane."""
    added, size = wide_lanes(), len(row)
    even = size - size % 4
    for j in range(0, even, 4):
        low = term(row[j], other[j], *settings) + term(row[j + 1], other[j + 1], *settings)
        added += low + (term(row[j + 2], other[j + 2], *settings) + term(row[j + 3], other[j + 3], *settings))
    for j in range(even, size):
        added += term(row[j], other[j], *settings)
    return added


def by_vectors(real: Any, *, always_compensated: bool = False) -> Callable[..., Any]:
    """The sum of terms of contiguous rows: 4 * LANES numbers at a time, then LANES, then the remainder.

    Sums of few terms are not compensated, which would take longer than all the rest of a short row.
    """
    compensated, zero, few = real is np.float64, real(0), 0 if always_compensated else LANES
    add = compensated_add if compensated else plain_add

    def total(row: Any, other: Any, term: Any, *settings: Any) -> Any:
        size = len(row)
        if size <= few:
            terms = term(leading_lanes(row, 0, size), leading_lanes(other, 0, size), *settings)
            return plain_lane_sum(as_float64(choose(leading(size), terms, zero)))
        added, lost = wide_lanes(), wide_lanes()
        even, whole = size - size % (4 * LANES), size - size % LANES
        for at in range(0, even, 4 * LANES):
            one = as_float64(term(lanes_from(row, at), lanes_from(other, at), *settings))
            two = as_float64(term(lanes_from(row, at + LANES), lanes_from(other, at + LANES), *settings))
            three = as_float64(term(lanes_from(row, at + 2 * LANES), lanes_from(other, at + 2 * LANES), *settings))
            four = as_float64(term(lanes_from(row, at + 3 * LANES), lanes_from(other, at + 3 * LANES), *settings))
            part = (one + two) + (three + four)
            added, lost = add(added, lost, part)
        for at in range(even, whole, LANES):
            part = term(lanes_from(row, at), lanes_from(other, at), *settings)
            added, lost = add(added, lost, part)
        if whole < size:
            rest = size - whole
            terms = term(leading_lanes(row, whole, rest), leading_lanes(other, whole, rest), *settings)
            part = choose(leading(rest), terms, zero)
            added, lost = add(added, lost, part)
        return lane_sum(added, lost) if compensated else plain_lane_sum(added)

    return total


def inner_products_by_vectors(row: Any, other: Any) -> tuple[Any, Any, Any]:
    """`inner_products` of float32 rows: their products are exact in float64."""
    size = len(row)
    whole = size - size % LANES
    squares1, squares2, mixed = wide_lanes(), wide_lanes(), wide_lanes()
    for at in range(0, whole, LANES):
        x, y = as_float64(lanes_from(row, at)), as_float64(lanes_from(other, at))
        squares1, squares2, mixed = fma(x, x, squares1), fma(y, y, squares2), fma(x, y, mixed)
    if whole < size:
        rest = size - whole
        x, y = as_float64(leading_lanes(row, whole, rest)), as_float64(leading_lanes(other, whole, rest))
        squares1, squares2, mixed = fma(x, x, squares1), fma(y, y, squares2), fma(x, y, mixed)
    return plain_lane_sum(squares1), plain_lane_sum(squares2), plain_lane_sum(mixed)


def product_sums(row: Any, other: Any) -> tuple[Any, Any, Any]:
    """`inner_products` of other rows."""
    return wide_sum(row, row, wide_product), wide_sum(other, other, wide_product), wide_sum(row, other, wide_product)


BY_VECTORS = {types.float32: by_vectors(np.float32), types.float64: by_vectors(np.float64)}
sum_one_by_one = njit(**inner(EXACT))(one_by_one)
BLOCK_SUMS = {
    types.float32: njit(**inner(EXACT))(by_vectors(np.float32)),
    types.float64: njit(**inner(EXACT))(by_vectors(np.float64, always_compensated=True)),
}


@compiles(sums.wide_sum)
def _wide_sum(row: Any, other: Any, term: Any, *settings: Any) -> Any:
    """The function for the layout of the rows."""
    if isinstance(row, LaneRow):
        return lane_by_lane
    return BY_VECTORS[row.dtype] if row.layout == other.layout == "C" and not is_stock() else one_by_one


@compiles(sums.accumulate)
def _accumulate(added: Any, lost: Any, x: Any) -> Any:
    """The addition for the type of x."""
    add = compensated_add if number(x) == types.float64 else plain_add
    return lambda added, lost, x: add(added, lost, x)  # noqa: PLW0108  numba overloads with a function


wide_sum = COMPILED[sums.wide_sum]


@njit(**inner(EXACT))
def wide_product(x: Any, y: Any) -> Any:
    """x y in float64."""
    return as_float64(x) * as_float64(y)


@compiles(sums.inner_products)
def _inner_products(row: Any, other: Any) -> Any:
    """The function for the type and the layout of the rows."""
    by_vectors = are_contiguous(row, other) and row.dtype == types.float32
    return inner_products_by_vectors if by_vectors else product_sums


@compiles(sums.block_sum)
def _block_sum(values: Any) -> Any:
    """The sum of a buffer, compensated for any number of values."""
    by_size = sum_one_by_one if is_stock() else BLOCK_SUMS[values.dtype]
    return lambda values: by_size(values, values, first_of)


@compiles(sums.wide)
def _wide(x: Any) -> Any:
    """A conversion to float64, or to lanes of float64."""
    return (lambda x: as_float64(x)) if isinstance(number(x), types.Float) else None  # noqa: PLW0108  numba overloads with a function


@compiles(sums.weighted_in_float64)
def _weighted_in_float64(weight: Any, x: Any) -> Any:
    """The implementation for the float type of x."""
    if number(x) != types.float32:
        return stable.weighted
    zero, one = np.float32(0), np.float32(1)
    # LLVM moves the case that all weights are 1 out of the loop: otherwise nll of 10 classes takes 1.2 times as long.
    return lambda weight, x: x if weight == one else (zero if weight == zero else product_in_float64(weight, x))
