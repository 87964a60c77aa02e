"""Vectorized versions of lossreg.kernels.numerics.row_maps for compiled loops."""

from __future__ import annotations

from typing import Any

from numba import types

from lossreg.kernels.compiler.options import LANES, is_stock
from lossreg.kernels.elementary.float_formats import fma
from lossreg.kernels.elementary.polynomials import compiles
from lossreg.kernels.numerics import row_maps
from lossreg.kernels.simd.contiguous_vectors import (
    lanes_from,
    leading_lanes,
    store_lanes,
    store_leading_lanes,
)


def are_contiguous(*rows: Any) -> bool:
    """Whether all rows are C-contiguous arrays, which vectors can be loaded from and stored to."""
    return not is_stock() and all(isinstance(row, types.Array) and row.layout == "C" for row in rows)


@compiles(row_maps.quotient)
def _quotient(x: Any, length: Any, inverse: Any) -> Any:
    """The quotient, corrected by its remainder."""

    def quotient(x: Any, length: Any, inverse: Any) -> Any:
        product = x * inverse
        return fma(fma(-product, length, x), inverse, product)

    return quotient


@compiles(row_maps.fill_row)
def _fill_row(out: Any, row: Any, other: Any, term: Any, *settings: Any) -> Any:
    """The function for the layout of the rows."""
    return fill_row_by_vectors if are_contiguous(out, row, other) else row_maps.fill_row


@compiles(row_maps.fill_rows)
def _fill_rows(out1: Any, out2: Any, row: Any, other: Any, term: Any, *settings: Any) -> Any:
    """The function for the layout of the rows."""
    return fill_rows_by_vectors if are_contiguous(out1, out2, row, other) else row_maps.fill_rows


def fill_row_by_vectors(out: Any, row: Any, other: Any, term: Any, *settings: Any) -> None:
    """`fill_row`, LANES numbers at a time."""
    size = len(row)
    whole = size - size % LANES
    for at in range(0, whole, LANES):
        store_lanes(out, at, term(lanes_from(row, at), lanes_from(other, at), *settings))
    if whole < size:
        rest = size - whole
        found = term(leading_lanes(row, whole, rest), leading_lanes(other, whole, rest), *settings)
        store_leading_lanes(out, whole, rest, found)


def fill_rows_by_vectors(out1: Any, out2: Any, row: Any, other: Any, term: Any, *settings: Any) -> None:
    """`fill_rows`, LANES numbers at a time."""
    size = len(row)
    whole = size - size % LANES
    for at in range(0, whole, LANES):
        one, two = term(lanes_from(row, at), lanes_from(other, at), *settings)
        store_lanes(out1, at, one)
        store_lanes(out2, at, two)
    if whole < size:
        rest = size - whole
        one, two = term(leading_lanes(row, whole, rest), leading_lanes(other, whole, rest), *settings)
        store_leading_lanes(out1, whole, rest, one)
        store_leading_lanes(out2, whole, rest, two)
