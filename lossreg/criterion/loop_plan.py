"""The plan of a loss by element or by row: its compiled loop, and where the gradients go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty, errstate

from lossreg.criterion.checking import DIRECT, IN_PLACE, OVERLAPPING, gradient_type
from lossreg.criterion.operands import loop_of_values, make_loop
from lossreg.criterion.plan import Plan
from lossreg.criterion.refusals import refuse_outside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.criterion.checking import Call

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]


class LoopPlan(Plan):
    """How calls like one are computed by a compiled loop, which is found at the first of them.

    places: the positions of the inputs that the loop stores a slope of, or has a place for.
    outputs: the shapes and types of the arrays for these slopes, or None for those that are not wanted.
    wanted: where in these the gradients are, in the order in which they are wanted.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        bound, graded = call.bound, call.graded
        # A kernel by row has a place for each slope; one by element only for those that are asked for.
        self.places = [
            at
            for at, entry in enumerate(bound.form.inputs)
            if entry.name in bound.slopes and (bound.by_row or at in graded)
        ]
        self.outputs: list[tuple[Any, Any] | None] = []
        for number, at in enumerate(self.places):
            x = call.arrays[at]
            made = x.shape if bound.by_row else self.shape, gradient_type(x)
            # What a kernel by row fills in any case has an array beside those that are wanted.
            always = bound.by_row and graded and bound.form.slope_rows[number] not in bound.form.optional_rows
            self.outputs.append(made if at in graded or always else None)
        self.wanted = [self.places.index(at) for at in graded]
        self.given = [graded.index(at) if at in graded else None for at in self.places]
        # The gradient of a shared input is the sum over the elements that share it.
        self.shared = not bound.by_row and any(call.arrays[at].shape != self.shape for at in graded)
        # A gradient over its input leaves nothing to compute again from, should the sum overflow.
        over = IN_PLACE in call.out or OVERLAPPING in call.out
        self.kept = call.kind if self.each else call.real if over else None
        # What is written before all is read: a refused call may not have changed it.
        early = IN_PLACE in call.out or (DIRECT in call.out and bound.label is not None)
        self.looks_first = early and bound.checked
        self.loop: Any = None

    def compute(
        self, scale: float, arrays: Arrays, sample_weight: Array | None, where: Array | None, out: Arrays | None
    ) -> tuple[float, Array | None, Any]:
        """Run the loop."""
        values = None if self.kept is None else empty(self.shape, self.kept)
        slopes: tuple[Any, ...] = ()
        if out is None or self.shared:
            for made in self.outputs:
                slopes += (None if made is None else empty(*made),)
        else:
            for at, made in zip(self.given, self.outputs, strict=True):
                slopes += (out[at] if at is not None else None if made is None else empty(*made),)
        loop = self.loop
        if loop is None:
            call = self.call(arrays, sample_weight, where)
            loop = self.loop = make_loop(call, values, dict(zip(self.places, slopes, strict=True)))
        if self.looks_first:
            refuse_outside(self.call(arrays, sample_weight, where))
        total, outside = loop.run(scale, values, sample_weight, where, slopes, arrays)
        if outside:
            refuse_outside(self.call(arrays, sample_weight, where))
            # It is only float32 that rounds a number to one outside its domain.
            if self.real is not np.float64:
                wide = self.substitute("wide", self.call(arrays, sample_weight, where, np.float64))
                return wide.compute(scale, arrays, sample_weight, where, out)
        if len(self.wanted) == 1 and not self.shared:
            return total, values, slopes[self.wanted[0]]
        return total, values, self.gradients(arrays, slopes, out)

    def gradients(self, arrays: Arrays, slopes: tuple[Any, ...], out: Arrays | None) -> Any:
        """The gradients in the order in which they are wanted, those of shared inputs added up."""
        found = []
        for number, (at, place) in enumerate(zip(self.graded, self.wanted, strict=True)):
            grad, shape = slopes[place], arrays[at].shape
            if grad.shape != shape:
                axes = tuple(range(grad.ndim)) if not shape else (-1,)
                with errstate(all="ignore"):
                    grad = grad.sum(axis=axes, dtype=np.float64).reshape(shape).astype(grad.dtype)
            if out is not None and grad is not out[number]:
                out[number][...] = grad
                grad = out[number]
            found.append(grad)
        return found[0] if len(found) == 1 else tuple(found)

    def values(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> Iterable[Array]:
        """The values of one slab after another."""
        call = self.call(arrays, sample_weight, where)
        return loop_of_values(call).slabs_of_values(sample_weight, where, arrays)
