"""The compiled loop of a form over the arrays of a call, whatever their dtypes and memory layouts.

C-contiguous arrays of the dtypes that the loop takes are read and written in place. So are float16, bfloat16 and
strided arrays by vector loops, which convert numbers as they load and store them, and by loops that read few numbers of
each row. Others (another byte order, integers in place of floats, a class axis that is not last) are converted: small
arrays at once, large ones a slab at a time, so that the copies take no more memory than a few slabs.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty, errstate

from lossreg.kernels.drivers.block_loop import (
    BlockLoop,
    add_in_order,
    layouts_in_place,
    take_in_place,
    takes_channels_first,
)
from lossreg.kernels.drivers.operands import LEADING, Operand, Operands
from lossreg.kernels.drivers.short_floats import assign
from lossreg.kernels.drivers.slabs import SLAB, slabs, slabs_of_samples
from lossreg.kernels.drivers.threads import run_in_threads, split_evenly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition.signature import Form

    Array = np.ndarray[Any, Any]


def array_loop(
    form: Form, switches: tuple[Any, ...], parameters: tuple[Any, ...], operands: Operands, overwritten: int = -1
) -> BlockLoop | ConvertedLoop | SlabLoop:
    """Compile the loop for these operands, and choose the fastest way to run it that their layouts allow.

    `parameters` are those that are no switches: numbers; rows, if the kernel is by row; otherwise arrays of the loss's
    own shape. `overwritten` is the input whose memory receives the slope, or -1.
    """
    by_row, native, at_once, channels_first = bool(form.slope_rows), True, True, False
    constants = [] if by_row else [constant(x, operands) for x in parameters if isinstance(x, np.ndarray)]
    described = [*operands.in_order(range(len(operands.slopes))), *constants]
    in_place = overwritten < 0 and take_in_place(form, operands, [x for x in described if x is not None])
    for operand in described:
        if operand is not None:
            native = native and operand.to_loop is None
            # An array with one number for each row is small in comparison with the rows.
            at_once = at_once and (operand.at_once or (by_row and not operand.has_rows))
            channels_first = channels_first or operand.order is not None
    # If several slopes are written over inputs, no slope may be written before all inputs of its slab are read.
    buffered = overwritten >= 0 and sum(slope is not None for slope in operands.slopes) > 1
    vectorized = channels_first and not buffered and takes_channels_first(form, operands)
    channels_first = vectorized and all(x.channels_first for x in operands.rows)
    layouts = None if native or vectorized or in_place or overwritten >= 0 else layouts_in_place(form, operands)
    if layouts is not None:
        loop = BlockLoop(form, switches, parameters, operands, layouts=layouts)
        return ConvertedLoop(loop, operands, rows_in_place=True)
    if buffered or not (channels_first or at_once):
        return SlabLoop(form, switches, parameters, operands, in_place=overwritten >= 0, channels_first=vectorized)
    if constants:
        parameters = tuple([constant(x, operands).copy(x) if isinstance(x, np.ndarray) else x for x in parameters])
        native = all(operand is None or operand.to_loop is None for operand in operands.in_order(()))
    loop = BlockLoop(form, switches, parameters, operands, overwritten, channels_first=channels_first)
    if native:
        return loop
    converted = ConvertedLoop(loop, operands, channels_first=channels_first)
    return converted if converted.conversions else loop


def constant(x: Array, operands: Operands) -> Operand:
    """Describe a parameter that is an array of the loss's own shape as an operand."""
    return Operand(x, operands.real, operands.shape, rank=len(operands.shape))


class ConvertedLoop:
    """A loop whose arrays are converted before it runs, and whose outputs are copied back afterwards."""

    def __init__(
        self, loop: BlockLoop, operands: Operands, *, channels_first: bool = False, rows_in_place: bool = False
    ) -> None:
        self.loop = loop
        ordered = operands.in_order(loop.slots)
        # Without a mask, the sum of the weights has already shown that each sample weight fits the loop's type.
        checked = operands.weight if operands.where is None and loop.size else None
        self.may_overflow = any(x.may_overflow for x in ordered if x is not None and x is not checked)
        # Only these arrays are touched: a call of 64 rows of 10 takes 4 microseconds, of which each step is a tenth.
        self.conversions: list[tuple[int, Callable[[Any], Any]]] = []
        self.copies_back: list[tuple[int, Any]] = []
        for at, operand in enumerate(ordered):
            if rows_in_place and operand is not None and operand.has_rows:
                self.conversions.append((at, operand.rows_in_place))
                continue
            if operand is None or operand.native or (channels_first and operand.has_rows):
                continue
            if at == 0 or LEADING <= at < len(ordered) - len(operands.inputs):
                self.conversions.append((at, operand.buffer))
                self.copies_back.append((at, operand.copy_back))
            else:
                self.conversions.append((at, operand.to_loop))

    def run(self, scale: float, values: Any, weight: Any, where: Any, operands: tuple[Any, ...]) -> tuple[float, bool]:
        """Run the loop on the arrays of a call; if an input is outside its domain, nothing is copied back."""
        given = (values, weight, where, *operands)
        if not self.may_overflow:
            return self.convert(scale, given)
        with errstate(all="ignore"):  # a number that the smaller type cannot hold becomes inf or 0
            return self.convert(scale, given)

    def convert(self, scale: float, given: tuple[Any, ...]) -> tuple[float, bool]:
        """Convert the arrays, run the loop, and copy back its outputs."""
        converted = list(given)
        for at, convert in self.conversions:
            converted[at] = convert(converted[at])
        values, weight, where, *operands = converted
        result = self.loop.run(scale, values, weight, where, tuple(operands))
        if self.copies_back and not result[1]:
            for at, copy_back in self.copies_back:
                copy_back(converted[at], given[at])
        return result


class SlabLoop:
    """A loop over large arrays that are converted a slab at a time; threads share the slabs.

    in_place: whether slopes are written over inputs, so that a slab is read completely before any of it is written.
    channels_first: whether the slabs of arrays of rows are (N, C, S), as the vector loop takes them.
    """

    def __init__(
        self,
        form: Form,
        switches: tuple[Any, ...],
        parameters: tuple[Any, ...],
        operands: Operands,
        *,
        in_place: bool = False,
        channels_first: bool = False,
    ) -> None:
        constants = [
            constant(x, operands) if isinstance(x, np.ndarray) and not form.slope_rows else None for x in parameters
        ]
        flat = tuple([empty(1, operands.real) if x else y for x, y in zip(constants, parameters, strict=True)])
        self.loop = BlockLoop(form, switches, flat, operands, channels_first=channels_first)
        self.parameters, self.channels_first = parameters, channels_first
        ordered = operands.in_order(self.loop.slots)
        self.operands, self.parameters_from = [*ordered, *constants], len(ordered)
        self.inputs_from = len(ordered) - len(operands.inputs)
        self.outputs = [at for at in (0, *range(LEADING, self.inputs_from)) if ordered[at] is not None]
        self.in_place = in_place
        self.shape = operands.shape

    def run(self, scale: float, values: Any, weight: Any, where: Any, operands: tuple[Any, ...]) -> tuple[float, bool]:
        """Run the loop on one slab after another of the arrays of a call."""
        given = [values, weight, where, *operands, *self.parameters]
        views = self.views(given)
        cut = slabs_of_samples if self.channels_first else slabs
        indices = list(cut(self.shape, max(1, SLAB // self.loop.width)))

        def run(*some: tuple[slice, ...]) -> list[tuple[Array, bool]]:
            with errstate(all="ignore"):  # a number that the smaller type cannot hold becomes inf or 0
                return [self.run_slab(scale, self.slab(views, index)) for index in some]

        ranges = [tuple(indices[first:last]) for first, last in split_evenly(len(indices), self.loop.threads)]
        results = [result for some in run_in_threads(run, ranges) for result in some]
        sums = [sums for sums, _ in results]
        return add_in_order(np.concatenate(sums)) if sums else 0.0, any(outside for _, outside in results)

    def slabs_of_values(self, weight: Any, where: Any, inputs: tuple[Array, ...]) -> Iterator[Array]:
        """Yield the values of one slab after another, by a loop that stores values and no slopes."""
        views = self.views([None, weight, where, *[None] * len(self.loop.slots), *inputs, *self.parameters])
        for index in slabs(self.shape, max(1, SLAB // self.loop.width)):
            given = self.slab(views, index)
            given[0] = empty(given[self.inputs_from].shape[: len(self.shape)], self.loop.real)
            with errstate(all="ignore"):
                self.run_slab(1.0, given)
            yield given[0]

    def views(self, given: list[Any]) -> list[Any]:
        """View the arrays in their full shapes, with rows on the last axis."""
        pairs = zip(self.operands, given, strict=True)
        return [
            x if operand is None or x is None or (operand.has_rows and self.channels_first) else operand.view(x)
            for operand, x in pairs
        ]

    def slab(self, views: list[Any], index: tuple[slice, ...]) -> list[Any]:
        """Index the views to get one slab of each."""
        whole = (*index, ...)  # with an ellipsis a single number is an array too, as the loop takes arrays only
        rows = (*index[:1], slice(None), *index[1:], ...) if self.channels_first else whole
        pairs = zip(self.operands, views, strict=True)
        return [x if operand is None or x is None else x[rows if operand.has_rows else whole] for operand, x in pairs]

    def run_slab(self, scale: float, given: list[Any]) -> tuple[Array, bool]:
        """Convert a slab, run the loop on it, and copy back its outputs."""
        flat, buffered = given.copy(), []
        for at, operand in enumerate(self.operands):
            if operand is None:
                continue
            if at in self.outputs and (self.in_place or not operand.is_native(given[at])):
                flat[at] = empty(given[at].shape, operand.dtype)
                buffered.append(at)
            else:
                flat[at] = operand.slab_to_loop(given[at])
        shape, samples = flat[self.inputs_from].shape, 1
        if self.channels_first:
            samples, _, *shape = shape
        parameters = tuple(flat[self.parameters_from :])
        size = prod(shape if self.channels_first else shape[: len(self.shape)])
        sums, outside = self.loop.run_slab(size, scale, flat[: self.parameters_from], parameters, samples)
        for at in buffered:
            assign(given[at], flat[at])
        return sums, outside
