"""A small call like one before: all but the numbers is settled, and what is left is to run the compiled loop.

The checks of a call depend on its arrays' types, shapes and layouts, and so does the way to its loop. Going it takes
some 50 microseconds, far more than the numbers of a small batch. So a criterion remembers the way, by these. Whatever
is not plain (other layouts, weights, masks, several threads), and whatever turns out wrong (a number outside its
domain, a sum that overflows), goes the whole way.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.execute import WORK, Drive, fits, flatten
from lossreg.kernels.reductions import REDUCTIONS
from lossreg.kernels.specialise import counter, entry_point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.call import Call

    Array = np.ndarray[Any, Any]


def likeness(arrays: Sequence[Any], graded: bool) -> Any:
    """What calls have in common that go one way: types, shapes and layouts; None where something is no plain array."""
    found: list[Any] = [graded]
    for x in arrays:
        if x.__class__ is not np.ndarray:
            return None
        found += x.dtype, x.shape, x.flags.num
    return tuple(found)


class Settled:
    """A way: from arrays like those of the call that it was made of to the value and the gradients."""

    def __init__(self, call: Call, drive: Drive, fixed: list[Any], *, graded: bool) -> None:
        self.kind, self.real, self.width, self.fixed = call.kind.type, call.real, drive.width, fixed
        self.most = float(np.finfo(self.kind).max)
        self.size, rank = prod(call.shape), len(call.shape)
        self.blocks = -(-self.size // drive.length)
        self.numbers = (self.size, drive.length, 0, self.blocks)
        self.shapes = [x.shape for _, x in call.graded] if graded else []
        places = {name: at for at, (name, _) in enumerate(call.graded)} if graded else {}
        # For each slope that the loop stores the gradient that it is, or -1 for scratch, or None.
        self.slots = [places.get(call.form.slopes[at], -1 if drive.scratch[at] else None) for at in drive.slots]
        arrays = [flatten(x, 1) for x in call.arrays]
        self.direct = self.slots == [*range(len(self.shapes))]
        self.divide, self.batch = REDUCTIONS[call.reduction], call.shape[0] if call.shape else 1
        self.each, labels, self.ignored, self.weight = call.counted()
        self.labels = next((at for at, x in enumerate(call.arrays) if x is labels), -1)
        counting = self.labels >= 0 and call.reduction != "sum"
        self.counter = entry_point(counter(), self.tally(arrays)) if counting else None
        self.divisor = self.divide(self.each * self.size, self.size, self.batch)
        # The loop takes one axis of elements or rows, whatever there are.
        self.flat = rank == 1
        self.rows = [call.form.by_row and len(shape) > rank for shape in (*self.shapes, *map(np.shape, call.arrays))]
        self.entry = entry_point(drive.function, self.arguments(arrays, self.gradients(), 1.0))

    @classmethod
    def of(cls, call: Call, *, graded: bool) -> Settled | None:
        """The way of a call, if it is a plain one."""
        form, settings = call.form, call.form.resolve(call.settings)
        if form.whole or call.kind != call.real or call.reduction == "none" or not prod(call.shape):
            return None
        fixed = [call.parameter(p) for p in form.parameters if p.name not in form.switches]
        kinds = [np.int64 if entry.domain.integer else call.real for entry in form.inputs]
        width = call.inputs[0].shape[-1] if form.by_row else 1
        asked = {name for name, _ in call.graded} if graded else set()
        rows = zip(form.slopes, form.slope_rows, strict=False)
        plain = (
            prod(call.shape) * width < 2 * WORK
            and all(map(fits, call.arrays, kinds))
            and all(x is y for x, y in zip(call.arrays, call.inputs, strict=True))
            and (form.by_row or not any(isinstance(x, np.ndarray) for x in fixed))
            and (not graded or all(name in asked or row in form.optional_rows for name, row in rows))
        )
        if not plain:
            return None
        switches = tuple(settings[name] for name in form.switches)
        slopes = tuple(call.arrays[0] if name in asked else None for name in form.slopes)
        return cls(call, Drive(form, call.real, switches, width, 1.0, slopes), fixed, graded=graded)

    def __call__(self, arrays: Sequence[Array], out: Any = None) -> tuple[Any, tuple[Array, ...]] | None:
        """The value and the gradients; None where there is more to do about these numbers, or about `out`."""
        grads = self.gradients() if out is None else self.buffers(arrays, out)
        if grads is None:
            return None
        divisor = self.divisor
        if self.counter is not None:
            divisor = self.divide(self.each * self.counter(*self.tally(arrays)), self.size, self.batch)
        if divisor == 0:
            return None
        arguments = self.arguments(arrays, grads, 1 / divisor)
        outside, sums = self.entry(*arguments), arguments[0]
        value = float(sums[0] if self.blocks == 1 else sums.sum()) / divisor
        return None if outside or not abs(value) <= self.most else (self.kind(value), grads)

    def gradients(self) -> tuple[Array, ...]:
        """New arrays for the gradients."""
        return tuple([np.empty(shape, self.kind) for shape in self.shapes])

    def buffers(self, arrays: Sequence[Array], out: Any) -> tuple[Array, ...] | None:
        """The arrays that the caller gave for the gradients, if the loop can fill them while it reads the inputs."""
        given = out if isinstance(out, tuple) else (out,)
        fit = len(given) == len(self.shapes) and all(
            x.__class__ is np.ndarray
            and x.shape == shape
            and x.dtype == self.kind
            and x.flags.carray
            and not any(np.may_share_memory(x, y) for y in arrays)
            for x, shape in zip(given, self.shapes, strict=True)
        )
        return given if fit else None

    def arguments(self, arrays: Sequence[Array], grads: tuple[Array, ...], scale: float) -> tuple[Any, ...]:
        """What the loop is called with."""
        given: Any = (*grads, *arrays)
        if not self.flat:
            given = [
                x.reshape(self.size, self.width) if row else x.ravel() for x, row in zip(given, self.rows, strict=True)
            ]
        if not self.direct:
            stored = [
                None if slot is None else given[slot] if slot >= 0 else np.empty((1, self.width), self.real)
                for slot in self.slots
            ]
            given = (*stored, *given[len(grads) :])
        head = (np.empty(self.blocks), None, None, None, scale if grads else 1.0)
        return (*head, *self.numbers, (*given, *self.fixed))

    def tally(self, arrays: Sequence[Array]) -> tuple[Any, ...]:
        """What the count of the labels is called with."""
        return (None, None, arrays[self.labels].ravel(), self.ignored, self.weight, self.size)
