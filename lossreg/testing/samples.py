"""Operations on the samples of a batch: select, repeat or invalidate them, and the same for their gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.roles import Role
from lossreg.definition.signature import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lossreg.testing.cases import Array, LossCase

MASK = np.array([True, False, True, True, False, True])
"""The mask of all checks: the samples that are kept."""


def sample_axis(case: LossCase, name: str) -> int | None:
    """Return the axis of an input that has the samples; None if all samples share the input."""
    entry = next(entry for entry in case.form.inputs if entry.name == name)
    return (entry.axes.index(SAMPLES) if SAMPLES in entry.axes else None) if case.form.by_batch else 0


def map_inputs(case: LossCase, arrays: Sequence[Array], change: Callable[[Array, int], Array]) -> list[Array]:
    """Apply `change` to the inputs that have the samples along an axis; it takes the array and the axis."""
    axes = [sample_axis(case, entry.name) for entry in case.form.inputs]
    return [x if axis is None else change(x, axis) for x, axis in zip(arrays, axes, strict=True)]


def map_gradients(case: LossCase, grads: Sequence[Array], change: Callable[[Array, int], Array]) -> list[Array]:
    """Apply `change` to the gradients that have the samples along an axis; it takes the array and the axis."""
    axes = [sample_axis(case, name) for name in case.form.slopes]
    return [x if axis is None else change(x, axis) for x, axis in zip(grads, axes, strict=True)]


def select(case: LossCase, arrays: Sequence[Array], which: Any) -> list[Array]:
    """Return the inputs of some samples, chosen by an index, a slice or a mask."""
    return map_inputs(case, arrays, lambda x, axis: x[(slice(None),) * axis + (which,)])


def lengths(case: LossCase, arrays: list[Array]) -> Array:
    """Return the lengths of the samples, by which a mean divides each; 1 if the loss has none."""
    found = [x for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.role is Role.LENGTH]
    return np.maximum(found[0], 1) if found else np.ones(6)


def divide(numbers: Array, x: Array, axis: int) -> Array:
    """Divide each sample of an array by its number."""
    return np.moveaxis(np.moveaxis(x, axis, -1) / numbers, -1, axis)


def add_repetitions(repeats: Array, grad: Array, axis: int) -> Array:
    """Return the gradients of samples, each the sum of those of its repetitions."""
    starts = np.cumsum(repeats) - repeats
    each = np.moveaxis(grad, axis, 0)
    added = np.add.reduceat(np.append(each, np.zeros_like(each[:1]), 0), starts, 0)
    added[repeats == 0] = 0
    return np.moveaxis(added, 0, axis)


def invalidate(where: Array, x: Array, axis: int) -> Array:
    """Return a copy with nan, inf or a label that does not exist at the samples given by a mask."""
    copy = x.copy()
    samples = np.moveaxis(copy, axis, 0)
    samples[where] = 1000 if x.dtype.kind in "iu" else np.nan
    samples[np.flatnonzero(where)[:1]] = 1000 if x.dtype.kind in "iu" else np.inf
    return copy


def set_ignored(label: int, x: Array, axis: int) -> Array:
    """Return a copy with the ignored label, or nan, at the samples that are not in MASK."""
    copy = x.copy()
    np.moveaxis(copy, axis, 0)[~MASK] = label if x.dtype.kind == "i" else np.nan
    return copy


def with_zeros(x: Array, axis: int) -> Array:
    """Return gradients of the samples in MASK with 0 at the samples that are not."""
    full = np.zeros((*x.shape[:axis], len(MASK), *x.shape[axis + 1 :]))
    np.moveaxis(full, axis, 0)[MASK] = np.moveaxis(x, axis, 0)
    return full
