"""The compiled loop of a form over flat arrays, in blocks that threads share; and what it takes as it is in memory."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty

from lossreg.kernels.compiler.bytecode import adds_in_float64, calls_transcendentals
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.options import BLOCK, EXACT, LANES, is_stock
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.drivers.compiled_loops import argument_kind, entry_point, form_entry, linker, numba_type
from lossreg.kernels.drivers.threads import run_in_threads, split_evenly, useful_threads
from lossreg.kernels.loops import scalar_loops
from lossreg.kernels.loops.vector_loops import is_vectorizable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form
    from lossreg.kernels.drivers.operands import Operand, Operands
    from lossreg.kernels.loops.row_layout import RowLayout

    Array = np.ndarray[Any, Any]
    Scratch = list[tuple[int, Array]]

LONGEST_VECTORIZED_ROW = 32
"""The length up to which C-contiguous rows are transposed for the vector loop: cross_entropy of 10 classes takes a
quarter of the time with it; of 32 classes three quarters in float32, and the same time in float64."""
MOST_BLOCKS = 64
"""The most blocks of rows for the scalar loop. With 256, each row of nll of 256 x 32,000 was a block, which took an
eighth of its time; loops that are as fast as memory do not gain by more threads than this."""


def computes_vectors(form: Form, real: type, width: int) -> bool:
    """Whether C-contiguous arrays of a form are computed by the vector loop, several elements or rows at a time."""
    pays = calls_transcendentals(form.kernel) or (real is np.float32 and adds_in_float64(form.kernel))
    # Rows of a fixed width have a formula for each number: transposed, rows of 4 take a third of the time for giou.
    transposed = width <= LONGEST_VECTORIZED_ROW and (pays or form.inputs[0].width.isdecimal())
    return (transposed or not form.slope_rows) and is_vectorizable(form.kernel)


def take_in_place(form: Form, operands: Operands, described: list[Operand]) -> bool:
    """Let the loop take 16-bit numbers where they are, and a vector loop large arrays of numbers that are apart.

    Return whether there are any. There are none if another array needs slabs, which are converted for the loop.
    """
    foreign = [x for x in described if x.to_loop is not None]
    taken = [x for x in foreign if x.elements is not None and (x.short or not x.at_once)]
    width = operands.inputs[0].row_length
    vectorized = computes_vectors(form, operands.real, width)
    if form.slope_rows and not vectorized and all(x.order is None for x in foreign):
        # The scalar loop copies each row of 16-bit numbers, unless it reads few of them.
        copies = width <= BLOCK and not is_stock() and layouts_in_place(form, operands) is None
        taken = [x for x in taken if copies and x.short and x in (*operands.slopes, *operands.inputs)]
    if not taken or not all(x in taken or x.at_once or (form.slope_rows and not x.has_rows) for x in foreign):
        return False
    if any(x.order is not None for x in described):
        possible = takes_channels_first(form, operands) and all(x in taken or x.channels_first for x in operands.rows)
    else:
        possible = vectorized or bool(form.slope_rows)
    if possible:
        for x in taken:
            x.take_in_place()
    return possible


def takes_channels_first(form: Form, operands: Operands) -> bool:
    """Whether all arrays of rows are (N, C, ...), by their memory too, and the kernel can be vectorized over rows."""
    vectorized = operands.inputs[0].row_length <= BLOCK // LANES and is_vectorizable(form.kernel)
    return vectorized and all(x.class_axis_first for x in operands.rows)


MOST_APART = 64
"""The most slopes of a row that may be far apart in memory: each is in a cache line of its own."""


def layouts_in_place(form: Form, operands: Operands) -> tuple[list[RowLayout | None], list[RowLayout | None]] | None:
    """The layouts of the slopes and inputs that have rows, or None if the loop has to convert them.

    In place are kernels that have a scalar loop over rows and read few numbers of each.
    """
    rows, length = operands.rows, operands.inputs[0].row_length
    if not form.by_row or is_stock() or calls_transcendentals(form.kernel) or all(x.native for x in rows):
        return None
    slopes = {x.layout for x in operands.slopes if x is not None}
    # A loop over the slopes needs all of one type, and rows that are not asked for have the loop's own.
    unwanted = [row for x, row in zip(operands.slopes, form.slope_rows, strict=True) if x is None]
    possible = all(x.layout is not None for x in rows) and len(slopes) <= 1 and not {*unwanted} - {*form.optional_rows}
    dense = all(x.adjacent or (length <= MOST_APART and not x.nested) for x in slopes if x)
    # Of few rows that are not contiguous, a view takes longer than a copy.
    few = all(x.at_once for x in rows) and not all(x.packed for x in rows)
    if not possible or not dense or few:
        return None
    from lossreg.kernels.loops.rows_in_place import reads_few  # imports what only compilation needs

    if not reads_few(form):
        return None
    return [x.layout if x else None for x in operands.slopes], [x.layout for x in operands.inputs]


class BlockLoop:
    """The loop of a form, compiled for operands of certain types, and the blocks into which it divides them.

    switches, parameters: the parameters of the form, those that choose a branch and the others. An array among the
        parameters is a row, or is flat.
    overwritten: the input whose memory receives the only slope, or -1.
    channels_first: whether arrays of rows are (N, C, S), not (N, C).
    layouts: how the rows of the slopes and of the inputs are in memory, if the loop takes them where they are.
    """

    def __init__(
        self,
        form: Form,
        switches: tuple[Any, ...],
        parameters: tuple[Any, ...],
        operands: Operands,
        overwritten: int = -1,
        *,
        channels_first: bool = False,
        layouts: tuple[list[RowLayout | None], list[RowLayout | None]] | None = None,
    ) -> None:
        real, shape, slopes, by_row = operands.real, operands.shape, operands.slopes, bool(form.slope_rows)
        self.width = operands.inputs[0].row_length
        wanted = tuple([at for at, slope in enumerate(slopes) if slope is not None])
        # A kernel by row fills all its slopes but the optional ones; those that the call does not want are scratch.
        slots = self.slots = tuple(range(len(slopes)))
        slow = calls_transcendentals(form.kernel)
        vectorized = layouts is None and (channels_first or computes_vectors(form, real, self.width))
        # The vector loop reads rows from a transposed copy, so it can write slopes over an input directly. The scalar
        # loop may still read the input, so it writes the slope to scratch first.
        overwritten = -1 if vectorized else overwritten
        self.scratch: list[int] = []
        for at, row in enumerate(form.slope_rows):
            if at in wanted if overwritten >= 0 else not wanted and row not in form.optional_rows:
                self.scratch.append(at)
        self.real, self.parameters, self.row = real, parameters, (1, self.width)
        self.length = max(1, BLOCK // self.width) if by_row else BLOCK
        if by_row and not vectorized:  # 4096 rows of 1000 would be 2048 blocks
            self.length = max(self.length, -(-prod(shape) // MOST_BLOCKS))
        self.length -= self.length % LANES if vectorized else 0
        self.size = prod(shape)
        self.span = prod(shape[1:]) if channels_first else self.size
        self.blocks = -(-self.span // self.length) * (shape[0] if channels_first else 1)
        self.threads = useful_threads(self.size * self.width * (1 + slow))
        axes = 2 + channels_first
        stored: list[Any] = [
            (real, 2) if at in self.scratch else slope and (slope.kind, axes if by_row else 1)
            for at, slope in enumerate(slopes)
        ]
        read: list[Any] = [(x.kind, axes if x.has_rows else 1) for x in operands.inputs]
        leading = tuple([x and (x.kind, 1) for x in (operands.values, operands.weight, operands.where)])
        if layouts is not None:
            stored = [layout or kind for layout, kind in zip(layouts[0], stored, strict=True)]
            read = [layout or kind for layout, kind in zip(layouts[1], read, strict=True)]
        kinds = (*stored, *read, *map(argument_kind, parameters))
        self.compiled = (form, real, switches, slots, overwritten, vectorized, leading, kinds)
        self.entry = form_entry(*self.compiled)
        self.extent = self.extent_of(self.span, 0, self.blocks)
        # Arrays for the sums of blocks and scratch rows that no call uses: a new one takes a tenth of the time of a
        # small call.
        self.unused: list[tuple[Array, Scratch]] = []

    def extent_of(self, size: int, first: int, last: int) -> Array:
        """The bounds of a loop over some blocks; a loop over few numbers keeps Python's lock."""
        return np.array([size, self.length, first, last, size * self.width > BLOCK], np.int64)

    def run(self, scale: float, values: Any, weight: Any, where: Any, operands: tuple[Any, ...]) -> tuple[float, bool]:
        """Fill the values, and the slopes times `scale`; return the sum of the values and whether an input is outside.

        `operands` are the slopes that the loop has arguments for, then the inputs: arrays that the loop takes as they
        are. Absent and unwanted arrays are None.
        """
        try:
            buffers = self.unused.pop()
        except IndexError:  # a call in another thread uses them
            buffers = empty(self.blocks), self.new_scratch()
        sums, scratch = buffers
        operands += self.parameters
        if self.threads > 1:
            result = self.run_threaded(sums, values, weight, where, scale, operands)
        else:
            for at, row in scratch:
                operands = operands[:at] + (row,) + operands[at + 1 :]
            result = self.entry(sums, values, weight, where, scale, operands, self.extent)
        self.unused.append(buffers)
        return result

    def run_threaded(self, sums: Array, *arguments: Any) -> tuple[float, bool]:
        """Run the blocks in several threads."""
        *leading, operands = arguments
        calls = [
            (sums, *leading, self.with_scratch(operands), self.extent_of(self.span, *blocks))
            for blocks in split_evenly(self.blocks, self.threads)
        ]
        results = run_in_threads(self.entry, calls)
        return add_in_order(sums), any(outside for _, outside in results)

    def run_slab(
        self, size: int, scale: float, arrays: list[Any], parameters: tuple[Any, ...], samples: int = 1
    ) -> tuple[Array, bool]:
        """Run the loop in this thread over one slab, given as values, weight, mask, slopes and inputs.

        Return the sums of its blocks, and whether an input is outside. Channels-first, `size` is that of each sample.
        """
        blocks = -(-size // self.length) * samples
        sums = empty(blocks)
        values, weight, where, *others = arrays
        operands = self.with_scratch((*others, *parameters))
        _, outside = self.entry(sums, values, weight, where, scale, operands, self.extent_of(size, 0, blocks))
        return sums, outside

    def new_scratch(self) -> Scratch:
        """Allocate scratch rows, which only one thread may use, with their places among the operands."""
        return [(at, empty(self.row, self.real)) for at in self.scratch]

    def with_scratch(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """Put newly allocated scratch rows into the operands."""
        for at, row in self.new_scratch():
            operands = operands[:at] + (row,) + operands[at + 1 :]
        return operands


@cache
def sum_of_blocks() -> Callable[[Array], float]:
    """The compiled function that adds the sums of blocks."""
    function = clone(scalar_loops.add_blocks, f"add_blocks_{fingerprint()}", {}, linker(scalar_loops.add_blocks), EXACT)
    return entry_point(function, (numba_type((np.float64, 1)),), "add_blocks")


def add_in_order(sums: Array) -> float:
    """Add the sums of the blocks as a loop in one thread adds them; math.fsum of 512 takes 24 microseconds."""
    return sum_of_blocks()(sums)
