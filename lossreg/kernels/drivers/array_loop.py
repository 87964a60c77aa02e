"""A form's compiled loop over the arrays of calls, however they lie in memory.

Arrays of the loop's types, C-contiguous, are read and written in place. Others (float16, another byte order, strided,
integers for numbers, a class axis that is not last) are converted: small ones before the loop, large ones a slab at a
time, so that no more memory is taken than a few slabs'.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty, errstate

from lossreg.kernels.compiler.options import BLOCK, LANES
from lossreg.kernels.drivers.block_loop import BlockLoop
from lossreg.kernels.drivers.operand import BESIDE, Operand, Operands
from lossreg.kernels.drivers.slabs import SLAB, slabs
from lossreg.kernels.drivers.threads import run_together, shares
from lossreg.kernels.loops.vector import takes_lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition.signature import Form

    Array = np.ndarray[Any, Any]


def array_loop(
    form: Form, switches: tuple[Any, ...], parameters: tuple[Any, ...], operands: Operands, over: int = -1
) -> BlockLoop | ConvertedLoop | SlabLoop:
    """The loop for such operands, compiled, which goes over them in the fastest way that they allow.

    `parameters` are those that choose no branch: numbers and, by row, rows; else arrays over the loss's own shape.
    `over` is the input whose memory a slope is written to.
    """
    by_row, plain, at_once, across = bool(form.slope_rows), True, True, False
    constants = [] if by_row else [constant(x, operands) for x in parameters if isinstance(x, np.ndarray)]
    for operand in (*operands.in_order(range(len(operands.slopes))), *constants):
        if operand is not None:
            plain = plain and operand.bring is None
            # What has one number for each row is small beside rows.
            at_once = at_once and (operand.at_once or (by_row and not operand.rows))
            across = across or operand.order is not None
    # Several slopes that are written over inputs have to wait for one another.
    waits = over >= 0 and sum(slope is not None for slope in operands.slopes) > 1
    planes = across and not waits and lie_across_planes(form, operands)
    if waits or not (planes or at_once):
        return SlabLoop(form, switches, parameters, operands, in_place=over >= 0)
    if constants:
        parameters = tuple([constant(x, operands).copy(x) if isinstance(x, np.ndarray) else x for x in parameters])
        plain = all(operand is None or operand.bring is None for operand in operands.in_order(()))
    loop = BlockLoop(form, switches, parameters, operands, over, planes=planes)
    return loop if plain else ConvertedLoop(loop, operands, planes=planes)


def constant(x: Array, operands: Operands) -> Operand:
    """The operand of a parameter that is an array over the loss's own shape."""
    return Operand(x, operands.real, operands.shape, rank=len(operands.shape))


def lie_across_planes(form: Form, operands: Operands) -> bool:
    """Whether all arrays of rows lie as (N, C, ...) in memory, and the loop can take many rows of such at a time."""
    rows = [x for x in (*operands.slopes, *operands.inputs) if x is not None and x.rows]
    small = operands.inputs[0].row <= BLOCK // LANES and takes_lanes(form.kernel)
    return small and all(x.across_planes() is not None for x in rows)


class ConvertedLoop:
    """A loop whose arrays are converted, or brought to flat shapes, before; what it fills is copied back behind it."""

    def __init__(self, loop: BlockLoop, operands: Operands, *, planes: bool) -> None:
        self.loop = loop
        every = operands.in_order(loop.slots)
        # Sample weights that no mask leaves out are known to fit.
        known = operands.weight if operands.where is None else None
        self.rounded = any(x.rounded for x in every if x is not None and x is not known)
        bring: list[tuple[int, Callable[[Any], Any]]] = []
        self.deliver: list[tuple[int, Any]] = []
        for at, operand in enumerate(every):
            if operand is None:
                continue
            function = operand.across_planes() if planes and operand.rows else operand.bring
            is_output = at == 0 or BESIDE <= at < len(every) - len(operands.inputs)
            if is_output and not (operand.ready or (planes and operand.rows)):
                function = operand.blank
                self.deliver.append((at, operand.deliver))
            if function is not None:
                bring.append((at, function))
        # Only these arrays are touched: a call of 64 rows of 10 takes 5 microseconds, of which each step is a tenth.
        self.beside = [(at, function) for at, function in bring if at < BESIDE]
        self.bring = [(at - BESIDE, function) for at, function in bring if at >= BESIDE]

    def run(self, scale: float, values: Any, weight: Any, where: Any, operands: tuple[Any, ...]) -> tuple[float, bool]:
        """Run the loop on the arrays as they are given; nothing is copied back where an input is outside."""
        if self.rounded:
            with errstate(all="ignore"):  # what a smaller type cannot hold is inf or 0 in it
                return self.convert(scale, (values, weight, where), operands)
        return self.convert(scale, (values, weight, where), operands)

    def convert(self, scale: float, beside: tuple[Any, ...], operands: tuple[Any, ...]) -> tuple[float, bool]:
        """Convert the arrays, run the loop, and copy back what it has filled."""
        others = list(beside)
        for at, bring in self.beside:
            others[at] = bring(others[at])
        flat = operands
        if self.bring:
            converted = list(operands)
            for at, bring in self.bring:
                converted[at] = bring(converted[at])
            flat = tuple(converted)
        values, weight, where = others
        total, outside = self.loop.run(scale, values, weight, where, flat)
        if not outside:
            for at, deliver in self.deliver:
                if at < BESIDE:
                    deliver(others[at], beside[at])
                else:
                    deliver(flat[at - BESIDE], operands[at - BESIDE])
        return total, outside


class SlabLoop:
    """A loop over large arrays that are converted a slab at a time; threads share the slabs.

    in_place: whether slopes are written over inputs, so that a slab is read before any of it is written.
    """

    def __init__(
        self,
        form: Form,
        switches: tuple[Any, ...],
        parameters: tuple[Any, ...],
        operands: Operands,
        *,
        in_place: bool = False,
    ) -> None:
        constants = [
            constant(x, operands) if isinstance(x, np.ndarray) and not form.slope_rows else None for x in parameters
        ]
        flat = tuple([empty(1, operands.real) if x else y for x, y in zip(constants, parameters, strict=True)])
        self.loop = BlockLoop(form, switches, flat, operands)
        self.parameters = parameters
        own = operands.in_order(self.loop.slots)
        self.operands, self.parameters_from = [*own, *constants], len(own)
        self.inputs_from = len(own) - len(operands.inputs)
        self.outputs = [at for at in (0, *range(BESIDE, self.inputs_from)) if own[at] is not None]
        self.in_place = in_place
        self.shape = operands.shape

    def run(self, scale: float, values: Any, weight: Any, where: Any, operands: tuple[Any, ...]) -> tuple[float, bool]:
        """Run the loop on slab after slab of the arrays as they are given."""
        given = [values, weight, where, *operands, *self.parameters]
        views = self.views(given)
        pieces = list(slabs(self.shape, max(1, SLAB // self.loop.width)))

        def run(*some: tuple[slice, ...]) -> list[tuple[float, bool]]:
            with errstate(all="ignore"):  # what a smaller type cannot hold is inf or 0 in it
                return [self.run_slab(scale, self.cut(views, index)) for index in some]

        parts = [tuple(pieces[first:last]) for first, last in shares(len(pieces), self.loop.threads)]
        total, outside = 0.0, False
        for part in run_together(run, parts):
            for added, beyond in part:
                total, outside = total + added, outside or beyond
        return total, outside

    def slabs_of_values(self, weight: Any, where: Any, inputs: tuple[Array, ...]) -> Iterator[Array]:
        """Yield the values of one slab after another, by a loop that stores values and no slopes."""
        views = self.views([None, weight, where, *[None] * len(self.loop.slots), *inputs, *self.parameters])
        for index in slabs(self.shape, max(1, SLAB // self.loop.width)):
            given = self.cut(views, index)
            size = prod(given[self.inputs_from].shape[: len(self.shape)])
            given[0] = empty(size, self.loop.real)
            with errstate(all="ignore"):
                self.run_slab(1.0, given)
            yield given[0]

    def views(self, given: list[Any]) -> list[Any]:
        """View the arrays in their full shapes, rows last."""
        pairs = zip(self.operands, given, strict=True)
        return [x if operand is None or x is None else operand.view(x) for operand, x in pairs]

    def cut(self, views: list[Any], index: tuple[slice, ...]) -> list[Any]:
        """Cut a slab out of the arrays."""
        pairs = zip(self.operands, views, strict=True)
        return [x if operand is None or x is None else x[index] for operand, x in pairs]

    def run_slab(self, scale: float, given: list[Any]) -> tuple[float, bool]:
        """Convert a slab, run the loop on it, and copy back what it has filled."""
        flat, back = given.copy(), []
        for at, operand in enumerate(self.operands):
            if operand is None:
                continue
            if at in self.outputs and (self.in_place or not operand.takes(given[at])):
                flat[at] = empty((given[at].size // operand.row, *operand.flat_shape[1:]), operand.kind)
                back.append(at)
            else:
                flat[at] = operand.part(given[at])
        size = len(flat[self.inputs_from])
        parameters = tuple(flat[self.parameters_from :])
        total, outside = self.loop.run_part(size, scale, flat[: self.parameters_from], parameters)
        for at in back:
            given[at][...] = flat[at].reshape(given[at].shape)
        return total, outside
