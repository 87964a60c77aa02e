"""Compiled handlers of XLA's custom calls, for evaluations with arrays that a compiled loop takes as they are."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.checking import VALUE_ONLY
from lossreg.criterion.plans.loop_plan import LoopPlan
from lossreg.criterion.plans.loop_setup import make_loop
from lossreg.kernels.compiler.xla_handler import handler
from lossreg.kernels.drivers.array_loop import ConvertedLoop, SlabLoop
from lossreg.kernels.drivers.compiled_loops import argument_kind, form_address

if TYPE_CHECKING:
    from lossreg.criterion.criterion import Criterion

    Array = np.ndarray[Any, Any]

ALIGNMENT = 64
"""The alignment of XLA's buffers."""


class NativeCall:
    """A compiled handler with its program, and the bytes of scratch memory that a call needs."""

    def __init__(self, target: Any, program: list[int], kept: list[Array], scratch: int) -> None:
        self.target = target
        self.program = np.array(program, np.int64)
        self.kept = kept  # the program has their addresses
        self.scratch = scratch


def native_call(criterion: Criterion, arrays: list[Array], wrt: tuple[str, ...], otherwise: int) -> NativeCall | None:
    """The compiled handler of calls with such arrays, or None if they need weights, conversions or sums of gradients.

    `otherwise` is the address of the handler for what a compiled one leaves over, such as a number outside its domain.
    """
    plan = criterion.plan(*arrays, wrt=wrt or VALUE_ONLY)
    if not isinstance(plan, LoopPlan) or not plan.size or not fits(plan, arrays):
        return None
    values = np.empty(plan.shape, plan.real) if plan.each else None
    slopes = [None if output is None else np.empty(*output) for output in plan.outputs]
    loop = make_loop(plan.call(tuple(arrays), None, None), values, slopes)
    if isinstance(loop, SlabLoop):
        return None
    loop = loop.loop if isinstance(loop, ConvertedLoop) else loop
    if loop.span != plan.size:  # the rows are not along the last axis
        return None
    graded = [at for at, slope in enumerate(slopes) if slope is not None]
    row = "rows" if plan.bound.by_row else "array"
    kinds = [row if at in graded else "scratch" if at in loop.scratch else None for at in loop.slots]
    inputs = [(x.dtype.type, entry.axis is not None) for x, entry in zip(arrays, plan.bound.form.inputs, strict=True)]
    sums, labels = (align(8 * count) for count in (loop.blocks, plan.size))
    made = handler(
        tuple(inputs),
        tuple(kinds),
        tuple(map(argument_kind, loop.parameters)),
        plan.real,
        each=plan.each,
        ignores=plan.weights.ignored is not None,
    )
    divisor = plan.divisor or plan.full_divisor
    ignored = 0 if plan.weights.ignored is None else int(plan.weights.ignored)
    program = [otherwise, form_address(loop.compiled), loop.span, loop.length, loop.blocks, bits(divisor)]
    program += [bits(plan.bound.weight), ignored, plan.size, loop.width, sums, sums]
    kept = [x for x in loop.parameters if isinstance(x, np.ndarray)]
    for x in loop.parameters:
        program += [x.ctypes.data, x.size] if isinstance(x, np.ndarray) else [bits(x) if isinstance(x, float) else x]
    return NativeCall(made, program, kept, sums + max(labels, align(loop.width * 8)))


def fits(plan: LoopPlan, arrays: list[Array]) -> bool:
    """Whether the arrays are what a loop takes, and the divisor follows from the number of elements that count."""
    wanted = {at for at, output in enumerate(plan.outputs) if output is not None}
    weights, bound = plan.weights, plan.bound
    counted = weights.ignored is not None and bound.reduction == "mean" and bound.weight > 0
    if weights.sum is not None or not (plan.divisor or counted) or plan.factor != 1 or plan.kind != plan.real:
        return False
    if wanted != set(plan.graded):
        return False
    for x, entry in zip(arrays, bound.form.inputs, strict=True):
        if x.shape[: len(plan.shape)] != plan.shape or x.ndim != len(plan.shape) + (entry.axis is not None):
            return False
        allowed = (np.int32, np.int64) if entry.domain.integer else (plan.real,)
        if x.dtype.type not in allowed:
            return False
    return sum(entry.domain.integer for entry in bound.form.inputs) <= 1


def bits(x: float) -> int:
    """The bits of a float64 as an integer."""
    return int(struct.unpack("q", struct.pack("d", x))[0])


def align(size: int) -> int:
    """Round a number of bytes up to a multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT
