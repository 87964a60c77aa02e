"""Normalize rows, backpropagate through the normalization, and sum rows by an index."""

from __future__ import annotations

from typing import Any

from lossreg.kernels.drivers.batch_kernel import each
from lossreg.kernels.numerics import product, sqrt, wide, wide_sum

Array = Any

SAFE = (1e-15, 1e15)
"""The lengths between which no square of a number overflows, and none that matters underflows, in any float type."""

# numpy is imported inside functions: plugins import this module, and `lossreg list` imports every plugin.


def normalized_rows(x: Array) -> tuple[Array, Array]:
    """Return the rows of a matrix divided by their lengths, and the lengths; a row of zeros stays zero.

    The lengths neither overflow nor underflow.
    """
    import numpy as np

    unit, lengths = np.empty_like(x), np.empty(len(x), x.dtype)
    each(normalize_row, len(x), x, unit, lengths)
    return unit, lengths


def through_normalization(slope: Array, unit: Array, lengths: Array) -> Array:
    """Backpropagate through the normalization: convert slopes by the unit rows to slopes by the rows, in place.

    Slopes of rows of zeros become 0.
    """
    each(project_row, len(slope), slope, unit, lengths)
    return slope


def add_rows(sums: Array, index: Array, rows: Array) -> None:
    """Add each row to the row of `sums` at its index, in order."""
    each(add_all, 1, sums, index, rows)


def normalize_row(i: int, x: Any, unit: Any, lengths: Any) -> None:
    """Fill the unit row and the length of row i."""
    row, out = x[i], unit[i]
    T = type(row[0])
    length = T(sqrt(wide_sum(row, row, product)))
    if SAFE[0] < length < SAFE[1]:
        lengths[i] = length
        for j in range(len(row)):
            out[j] = row[j] / length
    else:  # the squares may have overflowed or underflowed
        normalize_scaled_row(row, out, lengths, i)


def normalize_scaled_row(row: Any, out: Any, lengths: Any, i: int) -> None:
    """Fill the unit row and the length of row i from its numbers divided by the largest."""
    T = type(row[0])
    top = T(0)
    for j in range(len(row)):
        top = max(top, abs(row[j]))
    scale = T(1) if top == 0 else top
    squares = T(0)
    for j in range(len(row)):
        squares += (row[j] / scale) * (row[j] / scale)
    lengths[i] = scale * sqrt(squares)
    divisor = T(1) if top == 0 else sqrt(squares)
    for j in range(len(row)):
        out[j] = row[j] / scale / divisor


def project_row(i: int, slope: Any, unit: Any, lengths: Any) -> None:
    """Subtract the component of slope i along the unit row, and divide by the length.

    In float64, and with the length that the rounded unit row has: a small remainder keeps its digits.
    """
    row, direction, length = slope[i], unit[i], wide(lengths[i])
    T, along, square = type(row[0]), 0.0, 0.0
    for j in range(len(row)):
        along += wide(row[j]) * wide(direction[j])
        square += wide(direction[j]) * wide(direction[j])
    along = along / square if square > 0 else along
    if SAFE[0] < length < SAFE[1]:
        inverse = 1 / length
        for j in range(len(row)):
            row[j] = T((wide(row[j]) - along * wide(direction[j])) * inverse)
    else:  # the inverse of a subnormal length is inf
        for j in range(len(row)):
            row[j] = T((row[j] - along * direction[j]) / length) if length > 0 else T(0)


def add_all(_: int, sums: Any, index: Any, rows: Any) -> None:
    """Add every row to its sum."""
    for i in range(len(index)):
        into = sums[index[i]]
        for j in range(len(into)):
            into[j] += rows[i, j]
