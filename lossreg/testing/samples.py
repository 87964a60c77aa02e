"""The samples of a batch: picked, repeated, spoilt; and what of a gradient belongs to which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.roles import Role
from lossreg.definition.signature import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lossreg.testing.points import Array, Case

MASK = np.array([True, False, True, True, False, True])
"""The samples that are kept; all masks of the kit are this one."""


def place(case: Case, name: str) -> int | None:
    """The axis of an input that has the samples; None where all samples share it."""
    entry = next(entry for entry in case.form.inputs if entry.name == name)
    return (entry.axes.index(SAMPLES) if SAMPLES in entry.axes else None) if case.form.by_batch else 0


def of_samples(case: Case, arrays: Sequence[Array], change: Callable[[Array, int], Array]) -> list[Array]:
    """The inputs, with those changed that have the samples along an axis."""
    axes = [place(case, entry.name) for entry in case.form.inputs]
    return [x if axis is None else change(x, axis) for x, axis in zip(arrays, axes, strict=True)]


def of_slopes(case: Case, grads: Sequence[Array], change: Callable[[Array, int], Array]) -> list[Array]:
    """The gradients, with those changed that have the samples along an axis."""
    axes = [place(case, name) for name in case.form.slopes]
    return [x if axis is None else change(x, axis) for x, axis in zip(grads, axes, strict=True)]


def pick(case: Case, arrays: Sequence[Array], which: Any) -> list[Array]:
    """The inputs of some samples: those at an index, a slice or a mask."""
    return of_samples(case, arrays, lambda x, axis: x[(slice(None),) * axis + (which,)])


def lengths(case: Case, arrays: list[Array]) -> Array:
    """What a mean divides each sample by."""
    found = [x for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.role is Role.LENGTH]
    return np.maximum(found[0], 1) if found else np.ones(6)


def divided(numbers: Array, x: Array, axis: int) -> Array:
    """The array, with what belongs to each sample divided by its number."""
    return np.moveaxis(np.moveaxis(x, axis, -1) / numbers, -1, axis)


def gathered(repeats: Array, grad: Array, axis: int) -> Array:
    """The gradient of samples, each the sum of those of its repetitions."""
    starts = np.cumsum(repeats) - repeats
    each = np.moveaxis(grad, axis, 0)
    added = np.add.reduceat(np.append(each, np.zeros_like(each[:1]), 0), starts, 0)
    added[repeats == 0] = 0
    return np.moveaxis(added, 0, axis)


def spoil(where: Array, x: Array, axis: int) -> Array:
    """A copy with nan, inf or a label that does not exist at the samples given."""
    spoilt = x.copy()
    samples = np.moveaxis(spoilt, axis, 0)
    samples[where] = 1000 if x.dtype.kind in "iu" else np.nan
    samples[np.flatnonzero(where)[:1]] = 1000 if x.dtype.kind in "iu" else np.inf
    return spoilt


def ignore(label: int, x: Array, axis: int) -> Array:
    """A copy with the label to ignore, or nan, at the samples that the mask leaves out."""
    copy = x.copy()
    np.moveaxis(copy, axis, 0)[~MASK] = label if x.dtype.kind == "i" else np.nan
    return copy


def with_gaps(x: Array, axis: int) -> Array:
    """The gradient of samples that were picked by the mask, with 0 at those that were not."""
    whole = np.zeros((*x.shape[:axis], len(MASK), *x.shape[axis + 1 :]))
    np.moveaxis(whole, axis, 0)[MASK] = np.moveaxis(x, axis, 0)
    return whole
