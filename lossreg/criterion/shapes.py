"""Shapes of arrays: the axis of rows, which shapes broadcast to another, and axes that callers may leave out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.definition.signature import Form


def row_axis(axis: int, rank: int) -> int:
    """The axis of an array's rows as a number from 0; an array of one axis is a single row."""
    return 0 if rank == 1 else axis % rank


def rows_last(rank: int, axis: int | None) -> tuple[int, ...] | None:
    """The transposition that makes the axis of the rows the last one; None if it already is."""
    if axis is None or row_axis(axis, rank) == rank - 1:
        return None
    at = row_axis(axis, rank)
    return (*range(at), *range(at + 1, rank), at)


def is_shared(shape: tuple[int, ...], full: tuple[int, ...], *, target: bool) -> bool:
    """Whether an input of a shape may be shared by the elements of a full shape.

    It is one number, or has length 1 along some axes; it may lack the last axis unless it is a target, which lacks the
    first ones: see `implied_shapes`.
    """
    if not shape or (shape == full[:-1] and not target):
        return True
    return len(shape) == len(full) and all(x in {1, size} for x, size in zip(shape, full, strict=True))


def sum_over_shared(grad: np.ndarray[Any, Any], shape: tuple[int, ...], kind: np.dtype[Any]) -> np.ndarray[Any, Any]:
    """Sum a gradient by element, in float64, over the elements that share a number of an input of this shape."""
    own = shape + (1,) * (grad.ndim - len(shape))
    axes = tuple(at for at, (x, size) in enumerate(zip(own, grad.shape, strict=True)) if x != size)
    added: np.ndarray[Any, Any] = grad.sum(axis=axes, dtype=np.float64).reshape(shape).astype(kind)
    return added


def broadcasts(shape: tuple[int, ...], target: tuple[int, ...]) -> bool:
    """Whether arrays of a shape broadcast to another."""
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def implied_shapes(form: Form, shapes: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """The shapes of the inputs with the axes of length 1 that callers may leave out, as in PyTorch.

    A number is a row of one number. A single row beside a label of shape (1,) is a batch of one row. A broadcast target
    with fewer axes than the prediction lacks the first ones.
    """
    full = shapes[0]
    by_row = [entry.axis is not None for entry in form.inputs]
    if not by_row[0]:
        return [
            (1,) * (len(full) - len(shape)) + shape if entry.broadcast and entry.is_target else shape
            for entry, shape in zip(form.inputs, shapes, strict=True)
        ]
    if not full:
        return [shape or (1,) if row else shape for row, shape in zip(by_row, shapes, strict=True)]
    if len(full) == 1 and all(row or shape == (1,) for row, shape in zip(by_row, shapes, strict=True)):
        return [(1, *shape) if row else shape for row, shape in zip(by_row, shapes, strict=True)]
    return [*shapes]


def expanded(array: np.ndarray[Any, Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Broadcast an array of the shape of the first axes to the full shape."""
    return np.broadcast_to(array.reshape(array.shape + (1,) * (len(shape) - array.ndim)), shape)
