"""A form's compiled loop over flat arrays, in blocks that threads share."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty, errstate

from lossreg.kernels.compiler.bytecode import laborious
from lossreg.kernels.compiler.options import BLOCK, LANES
from lossreg.kernels.drivers.compiled_loops import form_entry, kind_of
from lossreg.kernels.drivers.threads import run_together, shares, threads_for
from lossreg.kernels.loops.vector import takes_lanes

if TYPE_CHECKING:
    from lossreg.definition.signature import Form
    from lossreg.kernels.drivers.operand import Operands

    Array = np.ndarray[Any, Any]

NARROW = 32
"""Numbers in a row up to which rows in lines are turned to stand side by side: cross_entropy of 10 takes a quarter of
the time so, of 32 three quarters in float32 and as long in float64."""
FEW = 8
"""Numbers below which numpy's sum adds one after the other, as a loop does in a fifth of the time."""


class BlockLoop:
    """A form's loop, compiled for operands of certain types, and the blocks that it goes over.

    switches, parameters: the form's parameters, those that choose a branch and the others; an array among these is a
        row, or is flat.
    over: the input whose memory the only slope is written to, or -1.
    planes: whether rows lie across planes: such arrays are (N, C, S).
    """

    def __init__(
        self,
        form: Form,
        switches: tuple[Any, ...],
        parameters: tuple[Any, ...],
        operands: Operands,
        over: int = -1,
        *,
        planes: bool = False,
    ) -> None:
        real, shape, slopes, by_row = operands.real, operands.shape, operands.slopes, bool(form.slope_rows)
        self.width = operands.inputs[0].row
        wanted = tuple([at for at, slope in enumerate(slopes) if slope is not None])
        # A kernel by row fills all its slopes but the optional ones; those that are not asked for are scratch.
        slots = self.slots = tuple(range(len(slopes)))
        heavy = laborious(form.kernel)
        abreast = planes or (self.width <= NARROW and heavy and takes_lanes(form.kernel))
        # Rows that are copied to stand side by side may be written over at once. Other slopes that go over an input,
        # which may still be read, are scratch first.
        over = -1 if abreast else over
        self.scratch: list[int] = []
        for at, row in enumerate(form.slope_rows):
            if at in wanted if over >= 0 else not wanted and row not in form.optional_rows:
                self.scratch.append(at)
        self.real, self.parameters, self.row = real, parameters, (1, self.width)
        self.length = max(1, BLOCK // self.width) if by_row else BLOCK
        self.length -= self.length % LANES if abreast else 0
        self.size = prod(shape)
        self.span = self.size // shape[0] if planes else self.size
        self.blocks = -(-self.span // self.length) * (shape[0] if planes else 1)
        self.threads = threads_for(self.size * self.width * (1 + heavy))
        axes = 2 + planes
        stored = [(real, 2) if at in self.scratch else slopes[at] and (real, axes if by_row else 1) for at in slots]
        read = [(x.kind, axes if x.rows else 1) for x in operands.inputs]
        beside = tuple([x and (x.kind, 1) for x in (operands.values, operands.weight, operands.where)])
        self.entry = form_entry(
            form, real, switches, slots, over, abreast, beside, (*stored, *read, *map(kind_of, parameters))
        )

    def run(self, scale: float, values: Any, weight: Any, where: Any, operands: tuple[Any, ...]) -> tuple[float, bool]:
        """Fill the values, and the slopes times `scale`; give the sum of the values, and whether an input is outside.

        `operands` are the slopes that the loop has a place for, then the inputs. All arrays are flat. What there is not
        is None, and so is what is not wanted.
        """
        sums = empty(self.blocks)
        operands += self.parameters
        if self.threads > 1:
            outside = self.share(sums, values, weight, where, scale, operands)
        else:
            if self.scratch:
                operands = self.with_scratch(operands)
            outside = self.entry(sums, values, weight, where, scale, self.span, self.length, 0, self.blocks, operands)
        return sums.item() if self.blocks == 1 else added(sums), outside

    def share(self, *head: Any) -> bool:
        """Run the blocks in several threads."""
        sums, values, weight, where, scale, operands = head
        calls = [
            (sums, values, weight, where, scale, self.span, self.length, *part, self.with_scratch(operands))
            for part in shares(self.blocks, self.threads)
        ]
        return any(run_together(self.entry, calls))

    def run_part(self, size: int, scale: float, arrays: list[Any], parameters: tuple[Any, ...]) -> tuple[float, bool]:
        """Run the loop in this thread over fewer elements of values, weight, mask, slopes and inputs."""
        blocks = -(-size // self.length)
        sums = empty(blocks)
        values, weight, where, *others = arrays
        operands = self.with_scratch((*others, *parameters))
        outside = self.entry(sums, values, weight, where, scale, size, self.length, 0, blocks, operands)
        return added(sums), outside

    def with_scratch(self, operands: tuple[Any, ...]) -> tuple[Any, ...]:
        """The operands as one thread has them: with scratch of its own."""
        for at in self.scratch:
            operands = operands[:at] + (empty(self.row, self.real),) + operands[at + 1 :]
        return operands


def added(sums: Array) -> float:
    """The sum of the blocks' sums, always in the same order."""
    if 0 < len(sums) < FEW:
        total, *others = sums.tolist()
        for each in others:
            total += each
        return float(total)
    with errstate(all="ignore"):  # infinite sums of both signs
        return float(np.add.reduce(sums))
