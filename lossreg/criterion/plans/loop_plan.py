"""The plans of losses by element or by row: the compiled loop, and the arrays for the gradients."""

from __future__ import annotations

from math import isnan, ldexp, prod
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty, errstate

from lossreg.criterion.checked_call import Call, gradient_type
from lossreg.criterion.checking import check, check_options, with_implied_axes
from lossreg.criterion.domain_errors import refuse_outside
from lossreg.criterion.outputs import DIRECT, IN_PLACE
from lossreg.criterion.plans.loop_setup import loop_of_values, make_loop
from lossreg.criterion.plans.plan import Plan
from lossreg.criterion.plans.summed_plan import SummedPlan
from lossreg.criterion.shapes import sum_over_shared
from lossreg.criterion.weights import rescaled
from lossreg.kernels.drivers.short_floats import assign

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lossreg.criterion.form_with_parameters import BoundForm

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]

ALIGNED_FROM = 1 << 16
"""The numbers from which outputs are aligned: smaller arrays stay in the processor's cache."""
PAGE, PLACE = 4096, 2048
"""The bytes of a page of memory, and where in a page aligned arrays begin."""


def aligned_empty(shape: tuple[int, ...], kind: Any) -> Array:
    """Return a new array that begins in the middle of a page of memory.

    numpy's large arrays begin 16 bytes into a page. Vectors of 64 bytes that are stored there cross cache lines, and a
    store has the same place in its page as the inputs that are read next, which the processor takes for the same
    memory. Value, gradient and second derivative of mse of 1M float32 take 1.4 ms there and 1.1 ms here.
    """
    kind = np.dtype(kind)
    memory = empty(prod(shape) * kind.itemsize + PAGE, np.uint8)
    return np.ndarray(shape, kind, memory, (PLACE - memory.ctypes.data) % PAGE)


class LoopPlan(SummedPlan):
    """How a compiled loop computes calls with the same signature. The loop is made at the first call.

    outputs: for each slope of the form, the shape and type of its array, or None if it is not wanted.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        bound, graded = call.bound, call.graded
        # The loop of a kernel has a place for each slope; the arrays of those that are not wanted may be None.
        self.outputs: list[tuple[Any, Any] | None] = []
        for slope in range(len(bound.slopes)):
            x = call.graded_array(slope)
            shared = not bound.by_row and x.shape != self.shape
            output = x.shape if bound.by_row else self.shape, call.real if shared else gradient_type(x)
            # A kernel by row always fills the slopes that are not optional.
            always = bound.by_row and graded and bound.form.slope_rows[slope] not in bound.form.optional_rows
            self.outputs.append(output if slope in graded or always else None)
        # The gradient of a broadcast input is the sum over the elements that it is broadcast to.
        broadcast = [not bound.by_row and call.graded_array(slope).shape != self.shape for slope in graded]
        # An array given as `out` is filled by the loop, or a buffer is copied to it at the end.
        self.out_indices: list[int | None] = [None] * len(bound.slopes)
        for number, (slope, mode) in enumerate(zip(graded, call.out, strict=False)):
            self.out_indices[slope] = number if mode in {DIRECT, IN_PLACE} and not broadcast[number] else None
        self.single = graded[0] if len(graded) == 1 and not broadcast[0] else None
        # Selects the gradients from the slopes, if there are several and none is summed.
        self.select = itemgetter(*graded) if len(graded) > 1 and not any(broadcast) else None
        label, shows = self.weights.label, self.weights.below and call.where is None and self.full_divisor > 0
        self.labels_at = label if shows and label is not None else -1
        self.no_slopes = () if graded else (None,) * len(bound.slopes)
        self.fills_out = any(at is not None for at in self.out_indices)
        # If the sum overflows, the mean is computed again from the inputs, unless a gradient has overwritten one.
        overwrites = IN_PLACE in call.out
        narrow = self.each and self.factor == 1
        self.values_type = call.kind if narrow else call.real if self.each or overwrites else None
        # A call that raises may not have changed these arrays, which the loop fills before it has checked all inputs.
        early = IN_PLACE in call.out or (DIRECT in call.out and bound.label is not None)
        self.checks_first = early and bound.checked
        large = max(x.size for x in call.arrays) >= ALIGNED_FROM
        self.new: Callable[..., Array] = aligned_empty if large else empty
        self.loop: Any = None

    def run(  # noqa: C901, PLR0912  functions for its branches would take a tenth of the time of a call
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,
    ) -> tuple[Any, Any]:
        """Run the loop; see `Plan.run`."""
        divisor, factor = self.divisor, self.factor
        if divisor is None and denominator is None and self.labels_at >= 0:
            # The smallest label often shows that none is ignored, in half the time of counting or less.
            labels = arrays[self.labels_at]
            if labels.item(labels.argmin()) >= 0:
                divisor = self.full_divisor
        if divisor is None or denominator is not None or sample_weight is not None:
            divisor, factor = self.divide(arrays, sample_weight, where, denominator, unit)
            if isnan(divisor) and sample_weight is not None:
                return self.run_rescaled(arrays, sample_weight, where, denominator, out)
        values = None if self.values_type is None else self.new(self.shape, self.values_type)
        slopes: tuple[Any, ...] = self.no_slopes
        if out is not None and out.__class__ is not tuple:
            out = (out,)
        if self.graded and not self.fills_out:
            for output in self.outputs:
                slopes += (None if output is None else self.new(*output),)
        elif self.graded:
            for at, output in zip(self.out_indices, self.outputs, strict=True):
                slopes += (out[at] if at is not None else None if output is None else self.new(*output),)
        loop = self.loop
        if loop is None:
            call = self.call(arrays, sample_weight, where)
            loop = self.loop = make_loop(call, values, slopes)
        if self.checks_first:
            refuse_outside(self.call(arrays, sample_weight, where))
        scale = (factor / divisor if divisor else 0.0) if self.graded else 1.0  # by which no row is then multiplied
        total, outside = loop.run(scale, values, sample_weight, where, slopes + arrays)
        if outside:
            refuse_outside(self.call(arrays, sample_weight, where))
            # All inputs are valid before they are rounded to float32.
            if self.real is not np.float64:
                wide = self.substitute("wide", self.call(arrays, sample_weight, where, np.float64))
                return wide.run(arrays, sample_weight, where, denominator, out, unit)
        value: Any = total / divisor if divisor else 0.0
        if values is None and factor == 1 and -self.most <= value <= self.most:
            value = self.as_result(value)
        else:
            value = self.finish(arrays, sample_weight, where, values, total, divisor, factor)
        # Gradients are copied to arrays that may share memory with inputs when nothing is computed from these any more.
        grads = None
        if self.single is not None:
            grads = slopes[self.single]
            if out is not None and grads is not out[0]:
                assign(out[0], grads)
                grads = out[0]
        elif self.select and out is None:
            grads = self.select(slopes)
        elif self.graded:
            grads = self.gradients(arrays, slopes, out)
        return value, grads

    def gradients(self, arrays: Arrays, slopes: tuple[Any, ...], out: Arrays | None) -> Any:
        """The gradients in the order that the call asks for; those of broadcast inputs are summed."""
        found = []
        for number, (slope, at) in enumerate(zip(self.graded, self.graded_inputs, strict=True)):
            grad, shape = slopes[slope], arrays[at].shape
            if grad.shape != shape:
                with errstate(all="ignore"):
                    grad = sum_over_shared(grad, shape, gradient_type(arrays[at]))
            if out is not None and grad is not out[number]:
                assign(out[number], grad)
                grad = out[number]
            found.append(grad)
        return found[0] if len(found) == 1 else tuple(found)

    def parts(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        values: Array | None,
        divisor: float,
    ) -> tuple[Iterable[Array], float]:
        """The values of one slab after another, with weights below 1, so that no product with one overflows."""
        if values is not None:
            return super().parts(arrays, sample_weight, where, values, divisor)
        if sample_weight is not None:
            sample_weight, exponent = rescaled(self.bound.loss, sample_weight, where, self.shape)
            divisor = ldexp(divisor, -exponent)
        call = self.call(arrays, sample_weight, where)
        return loop_of_values(call).slabs_of_values(sample_weight, where, arrays), divisor


class ReshapedPlan(Plan):
    """How calls are computed whose arrays leave out axes; gradients have the shapes of the arrays that are given."""

    def __init__(self, call: Call, given: Sequence[Array]) -> None:
        self.complete = LoopPlan(call)
        super().__init__(call.bound, call.shape, call.graded, call.kind, each=self.complete.each)
        self.shapes = [x.shape for x in call.arrays]
        self.given = [given[at].shape for at in self.complete.graded_inputs]

    def reshaped(self, arrays: Arrays) -> Arrays:
        """The arrays with all axes."""
        return tuple([x.reshape(shape) for x, shape in zip(arrays, self.shapes, strict=True)])

    def run(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,
    ) -> tuple[Any, Any]:
        """Run the plan of the complete arrays; see `Plan.run`."""
        value, found = self.complete.run(self.reshaped(arrays), sample_weight, where, denominator, None, unit)
        if found is None:
            return value, None
        grads = found if isinstance(found, tuple) else (found,)
        grads = tuple([grad.reshape(shape) for grad, shape in zip(grads, self.given, strict=True)])
        if out is not None:
            out = out if isinstance(out, tuple) else (out,)
            for buffer, grad in zip(out, grads, strict=True):
                assign(buffer, grad)
            grads = out
        return value, grads if isinstance(found, tuple) else grads[0]

    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:
        """What the reduction divides the sum by."""
        return self.complete.denominator(self.reshaped(arrays), sample_weight, where)


def loop_plan(
    forms: Sequence[BoundForm], given: Arrays, sample_weight: Any, where: Any, wrt: Any, out: Any, layouts: Any
) -> Plan:
    """Check a call of a loss by element or by row, and return its plan."""
    arrays = with_implied_axes(forms, given)
    if arrays is given:
        return LoopPlan(check(forms, given, sample_weight, where, wrt, out, layouts))
    call = check(forms, arrays, sample_weight, where, wrt, None)
    check_options(Call(call.bound, given, call.shape, call.graded), None, None, out, layouts)
    return ReshapedPlan(call, given)
