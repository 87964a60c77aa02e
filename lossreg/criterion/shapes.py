"""Shapes of arrays: the axis of rows, and which shapes broadcast to another."""

from __future__ import annotations

import numpy as np


def row_axis(axis: int, rank: int) -> int:
    """The axis of an array's rows as a number from 0; an array of one axis is a single row."""
    return 0 if rank == 1 else axis % rank


def rows_last(rank: int, axis: int | None) -> tuple[int, ...] | None:
    """The transposition that makes the axis of the rows the last one; None if it already is."""
    if axis is None or row_axis(axis, rank) == rank - 1:
        return None
    at = row_axis(axis, rank)
    return (*range(at), *range(at + 1, rank), at)


def smaller(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The shapes that broadcast to `shape` and that an input may have: one number for each row, or a single number."""
    return ((), shape[:-1], (*shape[:-1], 1)) if shape else ((),)


def broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether arrays of a shape broadcast to another."""
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False
