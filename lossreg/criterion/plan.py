"""A call like one before: all but the numbers is settled, and what is left is to run the compiled loop.

The checks of a call depend on its arrays' types, shapes and layouts, and so does the way to its loop. Going it takes
some 50 microseconds, far more than the numbers of a small batch, and 150 where those of a million have driven all else
from the caches. So a criterion remembers the way, by these. Whatever is not plain (other layouts, weights, masks) goes
the whole way, and so does, after all, what turns out wrong: a number outside its domain, a sum that is not finite.
"""

from __future__ import annotations

import operator
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty, ndarray

from lossreg.criterion.reductions import REDUCTIONS
from lossreg.kernels.drivers.compiled_loops import counter, entry_point
from lossreg.kernels.drivers.evaluate import SLAB, WORK, Drive, fits, flatten, parted
from lossreg.kernels.drivers.threads import run_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.call import Call

    Array = np.ndarray[Any, Any]


def likeness(arrays: Sequence[Any], graded: bool) -> Any:
    """What calls have in common that go one way: types, shapes and layouts; None where something is no plain array."""
    found: tuple[Any, ...] = (graded,)
    for x in arrays:
        if x.__class__ is not ndarray:
            return None
        found += x.dtype, x.shape, x.flags.num
    return found


def absent(nothing: None) -> None:
    """The view of a slope that nobody asked for."""
    return nothing


class Settled:
    """A way: from arrays like those of the call that it was made of to the value and the gradients."""

    def __init__(self, call: Call, drive: Drive, fixed: list[Any], *, graded: bool) -> None:
        self.kind, self.fixed, self.graded = call.kind, tuple(fixed), graded
        # A number times this one is of the type, in a quarter of the time that a call of the type takes.
        self.one, self.most = call.kind.type(1), float(np.finfo(call.kind).max)
        self.size, self.length = prod(call.shape), drive.length
        self.blocks, self.work = -(-self.size // self.length), self.size * drive.effort // WORK
        self.idle: list[Array] = []  # room for the blocks' sums that no call has taken, for calls in several threads
        # What the loop stores: gradients, scratch of a row, or nothing where nobody asked.
        shapes = {name: x.shape for name, x in call.graded} if graded else {}
        rows = [(1, drive.width) if scratch else None for scratch in drive.scratch]
        self.shapes = [shapes.get(call.form.slopes[at], rows[at]) for at in drive.slots]
        self.asked = [shape for shape in self.shapes if shape is not None]
        self.full = self.asked == self.shapes
        # The loop takes one axis of elements or rows, whatever there are.
        rank, by_row = len(call.shape), operator.methodcaller("reshape", -1, drive.width)
        inputs = [by_row if x.ndim > rank else ndarray.ravel for x in call.arrays]
        slopes = [absent if shape is None else inputs[0] for shape in self.shapes]
        self.views = () if rank == 1 else (*slopes, *inputs)
        given = [flatten(x, rank) for x in call.arrays]
        none = (0, *given[0].shape[1:])
        stored = [None if shape is None else empty(none, self.kind) for shape in self.shapes]
        numbers = (1.0, self.size, self.length, 0, self.blocks)
        arguments = (empty(self.blocks), None, None, None, *numbers, (*stored, *given, *fixed))
        self.entry = entry_point(drive.function, arguments)
        self.divide, self.batch = REDUCTIONS[call.reduction], call.shape[0] if call.shape else 1
        self.each, labels, self.ignored, self.weight = call.counted()
        self.divisor = self.divide(self.each * self.size, self.size, self.batch)
        self.labels = next((len(self.shapes) + at for at, x in enumerate(call.arrays) if x is labels), -1)
        self.counter = None
        if labels is not None and call.reduction != "sum":
            counted = (None, None, flatten(labels, rank), self.ignored, self.weight, self.size)
            self.counter = entry_point(counter(), counted)

    @classmethod
    def of(cls, call: Call, alike: tuple[Any, ...]) -> Settled | None:
        """The way of calls that are alike as this one, if it is a plain one."""
        graded = alike[0]
        converted = any(x.dtype != kind for x, kind in zip(call.arrays, alike[1::3], strict=True))  # unsigned labels
        form, settings = call.form, call.form.resolve(call.settings)
        if converted or form.by_batch or call.kind != call.real or call.reduction == "none" or not prod(call.shape):
            return None
        fixed = [call.parameter(p) for p in form.parameters if p.name not in form.switches]
        kinds = [np.int64 if entry.domain.integer else call.real for entry in form.inputs]
        width = call.inputs[0].shape[-1] if form.by_row else 1
        asked = {name for name, _ in call.graded} if graded else set()
        rows = zip(form.slopes, form.slope_rows, strict=False)
        size = prod(call.shape)
        plain = (
            (size <= SLAB or call.counted()[-1] is None)  # weights by class are added up by slabs
            and all(map(fits, call.arrays, kinds))
            and all(x is y for x, y in zip(call.arrays, call.inputs, strict=True))
            and (form.by_row or not any(isinstance(x, np.ndarray) for x in fixed))
            and (not graded or all(name in asked or row in form.optional_rows for name, row in rows))
        )
        if not plain:
            return None
        switches = tuple(settings[name] for name in form.switches)
        slopes = tuple(call.arrays[0] if name in asked else None for name in form.slopes)
        drive = Drive(form, call.real, switches, width, 1.0, slopes)
        if any(drive.scratch) and size * drive.effort >= 2 * WORK:  # threads have scratch of their own
            return None
        return cls(call, drive, fixed, graded=graded)

    def run(self, arrays: tuple[Array, ...], out: Any = None) -> tuple[Any, Any] | None:
        """The value and the gradient, or gradients; None where there is more to do about these numbers, or `out`."""
        outputs = self.outputs() if out is None else self.buffers(arrays, out)
        if outputs is None:
            return None
        given = outputs + arrays
        if self.views:
            given = (*map(operator.call, self.views, given),)
        divisor = self.divisor
        if self.counter is not None:
            count = self.counter(None, None, given[self.labels], self.ignored, self.weight, self.size)
            if count != self.size:
                divisor = self.divide(self.each * count, self.size, self.batch)
        if divisor == 0:
            return None
        try:
            sums = self.idle.pop()
        except IndexError:
            sums = empty(self.blocks)
        scale = 1 / divisor if self.graded else 1.0
        given += self.fixed
        head = (sums, None, None, None, scale, self.size, self.length)
        if self.work > 1:
            outside = any(run_together(self.entry, [(*head, *part, given) for part in parted(self.blocks, self.work)]))
        else:
            outside = self.entry(*head, 0, self.blocks, given)
        value = (sums.item() if self.blocks == 1 else float(sums.sum())) / divisor
        self.idle.append(sums)
        if outside or not abs(value) <= self.most:
            return None
        grads = outputs if self.full else tuple([x for x in outputs if x is not None])
        return self.one * value, grads[0] if len(grads) == 1 else grads

    def outputs(self) -> tuple[Any, ...]:
        """New arrays for what the loop stores."""
        made: tuple[Any, ...] = ()
        for shape in self.shapes:
            made += (None if shape is None else empty(shape, self.kind),)
        return made

    def buffers(self, arrays: tuple[Array, ...], out: Any) -> tuple[Any, ...] | None:
        """The arrays that the caller gave for the gradients, if the loop can fill them while it reads the inputs."""
        given = out if isinstance(out, tuple) else (out,)
        if len(given) != len(self.asked):
            return None
        for x, shape in zip(given, self.asked, strict=True):
            if not (x.__class__ is ndarray and x.shape == shape and x.dtype == self.kind and x.flags.carray):
                return None
            for y in arrays:
                if np.may_share_memory(x, y):
                    return None
        waiting = iter(given)
        return given if self.full else tuple([None if shape is None else next(waiting) for shape in self.shapes])
