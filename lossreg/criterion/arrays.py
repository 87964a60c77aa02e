"""Shapes and types of a call's arrays: which axis has the rows, what a gradient looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput, InvalidType, listed

if TYPE_CHECKING:
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]

FLOATS: dict[np.dtype[Any], type] = {
    np.dtype(np.float16): np.float32,
    np.dtype(np.float32): np.float32,
    np.dtype(np.float64): np.float64,
}
"""The types a loss takes and gives, and the type its loops work in."""

NATIVE = {kind.num: kind for kind in FLOATS}
"""The same types by their number, which is that of any byte order."""

FLOAT64 = np.dtype(np.float64)


def numbers(given: Any, told: str) -> Array:
    """What was given, as an array of real numbers; or an error that begins as told: "mse: expected target"."""
    if isinstance(given, np.ma.MaskedArray):
        raise InvalidType(f"{told} without a mask of its own; got a masked array: give its data, and where=~mask")
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InvalidInput(f"{told} as rows of one length; got {given!r}") from error
    if array.dtype.num not in NATIVE and array.dtype.kind not in "iub":
        got = array.dtype if isinstance(given, np.ndarray) else repr(given)
        kinds = f"{listed(map(str, FLOATS))}, integer or boolean"
        raise InvalidType(f"{told} as numbers of type {kinds}; got {got}")
    return array


def row_axis(axis: int, rank: int) -> int:
    """The axis of an array's rows: its only one, where there is only one."""
    return 0 if rank == 1 else axis % rank


def row_last(array: Array, entry: Input) -> Array:
    """The array with the axis of its rows at the end."""
    axis = None if entry.axis is None else row_axis(entry.axis, array.ndim)
    # moveaxis takes 10 microseconds, also where there is nothing to move.
    return array if axis is None or axis == array.ndim - 1 else np.moveaxis(array, axis, -1)


def smaller(shape: tuple[int, ...]) -> tuple[tuple[int, ...], ...]:
    """The shapes that a shared input may have: one number for each row, or a single one."""
    return ((), shape[:-1], (*shape[:-1], 1)) if shape else ((),)


def spread(array: Array, shape: tuple[int, ...]) -> Array:
    """A shared input over the whole shape."""
    if array.shape == shape:
        return array
    return np.broadcast_to(array[..., np.newaxis] if 0 < array.ndim < len(shape) else array, shape)


def folded(gradient: Array, shape: tuple[int, ...]) -> Array:
    """The gradient of a shared input: the sum over the elements that shared it."""
    if gradient.shape == shape:
        return gradient
    axes = tuple(range(gradient.ndim)) if not shape else (-1,)
    added: Array = gradient.sum(axis=axes, dtype=np.float64).reshape(shape).astype(gradient.dtype)
    return added


def signed(labels: Array) -> Array:
    """Labels as the compiled loops take them; those beyond that type's largest become it, as much out of range."""
    return (
        np.minimum(labels, np.uint64(np.iinfo(np.int64).max)).astype(np.int64) if labels.dtype.kind == "u" else labels
    )


def without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The shape less one axis."""
    return shape[:axis] + shape[axis + 1 :]


def gradient_type(x: Array) -> np.dtype[Any]:
    """The type of an input's gradient: its own, or float64 for integers."""
    return NATIVE.get(x.dtype.num, FLOAT64)
