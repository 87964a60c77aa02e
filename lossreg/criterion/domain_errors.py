"""Inputs with numbers outside their domains: the position of the first one, and the error that reports it.

The compiled loops only report that there is one. This slower search runs for calls that are refused, and before calls
that may not write anything until all their numbers have been checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.shapes import expanded, row_axis, rows_last
from lossreg.definition.roles import Role
from lossreg.errors import InvalidInput
from lossreg.kernels.drivers.slabs import SLAB, slabs

if TYPE_CHECKING:
    from lossreg.criterion.checked_call import Call
    from lossreg.criterion.form_with_parameters import BoundForm
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]


def refuse_outside(call: Call) -> None:
    """Raise InvalidInput for the first number that counts and is outside the domain of its input, with its position."""
    form, first = call.bound.form, call.arrays[0]
    axis = form.inputs[0].axis
    classes = 0 if axis is None else first.shape[row_axis(axis, first.ndim)]
    for x, entry in zip(call.arrays, form.inputs, strict=True):
        valid = entry.role is Role.LABEL and x.size and x.min() >= 0 and x.max() < classes + entry.extra_classes
        if (entry.domain.integer or entry.domain.bounded) and not valid:
            refuse_outside_of(call, x, entry, classes)


def refuse_outside_of(call: Call, x: Array, entry: Input, classes: int) -> None:
    """Search one input a slab at a time, so that the search takes no more memory than a few slabs."""
    order = rows_last(x.ndim, entry.axis)
    view = expanded(x, call.shape) if entry.axis is None else x if order is None else x.transpose(order)
    width = 1 if entry.axis is None else view.shape[-1]
    for index in slabs(call.shape, max(1, SLAB // width)):
        part = view[index]
        outside, extent = find_outside(call.bound, part, entry, classes)
        counts = counting(call, index)
        if counts is not None:
            outside &= counts if entry.axis is None else counts[..., np.newaxis]
        if outside.any():
            at = [int(each) for each in np.argwhere(outside)[0]]
            got = part[tuple(at)]
            for axis, cut in enumerate(index):
                at[axis] += cut.start or 0
            if entry.axis is not None:
                at.insert(row_axis(entry.axis, x.ndim), at.pop())
            raise InvalidInput(f"{call.bound.loss}: expected {entry.name} {extent}; got {got} at {at}")


def counting(call: Call, index: tuple[slice, ...]) -> Array | None:
    """Which elements or rows of a slab count; None if all do."""
    counts = None if call.where is None else expanded(call.where, call.shape)[index]
    if call.sample_weight is not None:
        nonzero = expanded(call.sample_weight, call.shape)[index] != 0
        counts = nonzero if counts is None else counts & nonzero
    return counts


def find_outside(bound: BoundForm, x: Array, entry: Input, classes: int) -> tuple[Array, str]:
    """Which numbers of an input are outside its domain, and a description of the domain."""
    if entry.role is Role.LABELS:
        ended = np.logical_or.accumulate(x == -1, axis=-1)
        return ~ended & ((x < 0) | (x >= classes)), f"classes from 0 to {classes - 1}, then -1"
    if entry.role is Role.LABEL:
        classes += entry.extra_classes
        outside, extent = (x < 0) | (x >= classes), f"a class from 0 to {classes - 1}"
        if bound.ignored is None:
            return outside, extent
        ignored = ", ".join(map(str, (bound.ignored, *bound.also_ignored)))
        return outside & (x != bound.ignored), f"{extent} or {ignored} (ignored)"
    return ~np.asarray(entry.domain.contains(x)), entry.domain.description
