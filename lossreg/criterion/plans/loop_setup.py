"""Make the loop of a call: describe its arrays and parameters as the operands that a driver takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.outputs import IN_PLACE
from lossreg.criterion.shapes import row_axis, rows_last
from lossreg.definition.annotations import row_axis_of
from lossreg.definition.plain_python.trial_run import try_kernel
from lossreg.kernels.compiler.options import is_stock
from lossreg.kernels.drivers.array_loop import SlabLoop, array_loop
from lossreg.kernels.drivers.operands import Operands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.checked_call import Call

    Array = np.ndarray[Any, Any]


def make_loop(call: Call, values: Array | None, slopes: Sequence[Array | None]) -> Any:
    """Compile the loop for calls with this signature; `values` and `slopes` are example outputs, or None."""
    bound = call.bound
    try_kernel(bound.form, bound.resolved, row_width(call))
    overwritten = bound.slope_inputs[call.graded[call.out.index(IN_PLACE)]] if IN_PLACE in call.out else -1
    return array_loop(bound.form, bound.switches, loop_parameters(call), operands(call, values, slopes), overwritten)


def loop_of_values(call: Call) -> SlabLoop:
    """Compile the loop that computes only the values of calls with this signature, a slab at a time."""
    described = operands(call, np.empty(call.shape, call.real), [None] * len(call.bound.slopes))
    return SlabLoop(call.bound.form, call.bound.switches, loop_parameters(call), described)


def operands(call: Call, values: Array | None, slopes: Sequence[Array | None]) -> Operands:
    """Describe the arrays of a call as the operands of its loop."""
    shape, real, bound = call.shape, call.real, call.bound
    inputs: list[tuple[Any, ...]] = []
    for x, entry in zip(call.arrays, bound.form.inputs, strict=True):
        order, full = None, shape
        if entry.axis is not None:
            order = rows_last(x.ndim, entry.axis)
            full = x.shape if order is None else tuple([x.shape[axis] for axis in order])
        inputs.append((x, np.int64 if entry.domain.integer else real, full, order))
    stored = [
        None if slope is None else (slope, real, *inputs[at][2:])
        for slope, at in zip(slopes, bound.slope_inputs, strict=True)
    ]
    return Operands(real, shape, values, call.sample_weight, call.where, stored, inputs)


def row_width(call: Call) -> int:
    """The length of the rows of a call; 1 if its inputs are single numbers."""
    rows = zip(call.arrays, call.bound.form.inputs, strict=True)
    return next((x.shape[row_axis(entry.axis, x.ndim)] for x, entry in rows if entry.axis is not None), 1)


def loop_parameters(call: Call) -> tuple[Any, ...]:
    """The parameters in the loop's types: numbers; rows if the kernel is by row, else arrays of the loss's shape."""
    real, by_row, shape = call.real, call.bound.by_row, call.shape
    values = [x for _, x in call.bound.parameters]
    if by_row and is_stock():  # numba's own pipeline has no rows of equal numbers
        rows = [row_axis_of(parameter.annotation) is not None for parameter, _ in call.bound.parameters]
        values = [
            np.full(row_width(call), x) if row and np.ndim(x) == 0 else x for row, x in zip(rows, values, strict=True)
        ]
    return tuple(
        [
            x if not isinstance(x, np.ndarray) else x.astype(real) if by_row else np.broadcast_to(x, shape)
            for x in values
        ]
    )
