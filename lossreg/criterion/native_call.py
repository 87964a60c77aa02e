"""Calls as C functions, for arrays that a compiled loop takes as they are: XLA and the bridge to PyTorch call them."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.checking import VALUE_ONLY
from lossreg.criterion.plans.loop_plan import LoopPlan
from lossreg.criterion.plans.loop_setup import make_loop
from lossreg.criterion.weights import UNUSED_LABEL
from lossreg.kernels.compiler.xla_handler import Weighing, address_of, handler
from lossreg.kernels.drivers.array_loop import ConvertedLoop, SlabLoop
from lossreg.kernels.drivers.compiled_loops import argument_kind, form_address
from lossreg.kernels.drivers.weight_sum import WeightSum

if TYPE_CHECKING:
    from lossreg.criterion.criterion import Criterion

    Array = np.ndarray[Any, Any]

ALIGNMENT = 64
"""The alignment of XLA's buffers."""


class NativeCall:
    """The address of a compiled handler, with its program and the bytes of scratch memory that a call needs."""

    def __init__(self, handler: Any, program: list[int], kept: list[Array], scratch: int) -> None:
        self.address = address_of(handler)
        self.program = np.array(program, np.int64)
        self.kept = kept  # the program has their addresses
        self.scratch = scratch


def native_call(
    criterion: Criterion,
    arrays: list[Array],
    weight: Array | None,
    where: Array | None,
    wrt: tuple[str, ...],
    otherwise: int,
) -> NativeCall | None:
    """The compiled handler of calls with such arrays, or None if they need conversions or sums of gradients.

    `otherwise` is the address of the handler for what a compiled one leaves over, such as a number outside its domain.
    """
    plan = criterion.plan(*arrays, sample_weight=weight, where=where, wrt=wrt or VALUE_ONLY)
    if not isinstance(plan, LoopPlan) or not plan.size or not fits(plan, arrays, weight, where):
        return None
    values = np.empty(plan.shape, plan.real) if plan.each else None
    slopes = [None if output is None else np.empty(*output) for output in plan.outputs]
    loop = make_loop(plan.call(tuple(arrays), weight, where), values, slopes)
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
    added = sum_of_weights(plan, arrays, weight, where)
    factors = added.weight if added else None
    weights = Weighing(
        weight is not None,
        where is not None,
        added is not None,
        plan.divides,
        added is not None and added.operands[2] is not None,
        factors is not None,
    )
    parameters = tuple(map(argument_kind, loop.parameters))
    made = handler(tuple(inputs), tuple(kinds), parameters, plan.real, each=plan.each, weights=weights)
    divisor = plan.divisor or plan.full_divisor
    program = [otherwise, form_address(loop.compiled), *unlocked(loop.extent), bits(divisor)]
    program += [bits(plan.bound.weight), plan.size, loop.width, sums, sums]
    program += [added.address, *unlocked(added.extent), *map(bits, added.limits)] if added else [0] * 8
    program += [0, 0] if factors is None else [factors.ctypes.data, factors.size]
    kept = [x for x in (*loop.parameters, factors) if isinstance(x, np.ndarray)]
    for x in loop.parameters:
        program += [x.ctypes.data, x.size] if isinstance(x, np.ndarray) else [bits(x) if isinstance(x, float) else x]
    return NativeCall(made, program, kept, sums + max(labels, align(loop.width * 8)))


def sum_of_weights(plan: LoopPlan, arrays: list[Array], weight: Array | None, where: Array | None) -> WeightSum | None:
    """The loop that adds up the weights of a call, or None if their sum is the same in all such calls."""
    weights = plan.weights
    if weights.fixed is not None or weights.sum is not None:
        return None if weights.fixed is not None and weight is None else weights.sum
    labels = None if weights.ignored is None or weights.label is None else arrays[weights.label]
    ignored = UNUSED_LABEL if weights.ignored is None else int(weights.ignored)
    return WeightSum(plan.real, plan.shape, None, where, labels, ignored, None)


def fits(plan: LoopPlan, arrays: list[Array], weight: Array | None, where: Array | None) -> bool:
    """Whether the arrays are what a loop takes, and the divisor is known or the sum of the weights."""
    wanted = {at for at, output in enumerate(plan.outputs) if output is not None}
    weights, bound = plan.weights, plan.bound
    if not (plan.divisor or not plan.divides or (bound.reduction == "mean" and bound.weight > 0)):
        return False
    by_element = weights.sum is not None and weights.sum.by_element is not None
    if plan.factor != 1 or plan.kind != plan.real or by_element or wanted != set(plan.graded):
        return False
    given = [(x, kind) for x, kind in ((weight, plan.real), (where, np.bool_)) if x is not None]
    if any(x.shape != plan.shape or x.dtype.type is not kind for x, kind in given):
        return False
    for x, entry in zip(arrays, bound.form.inputs, strict=True):
        if x.shape[: len(plan.shape)] != plan.shape or x.ndim != len(plan.shape) + (entry.axis is not None):
            return False
        allowed = (np.int32, np.int64) if entry.domain.integer else (plan.real,)
        if x.dtype.type not in allowed:
            return False
    return sum(entry.domain.integer for entry in bound.form.inputs) <= 1


def unlocked(extent: Array) -> list[int]:
    """The extent of a loop that is called without Python's lock, and so does not release it."""
    return [*map(int, extent[:-1]), 0]


def bits(x: float) -> int:
    """The bits of a float64 as an integer."""
    return int(struct.unpack("q", struct.pack("d", x))[0])


def align(size: int) -> int:
    """Round a number of bytes up to a multiple of ALIGNMENT."""
    return -(-size // ALIGNMENT) * ALIGNMENT
