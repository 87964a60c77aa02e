"""Examples: what a network is trained and tested on, taken from a table batch by batch.

An example is a row, or several that a loss compares: for each row a few pairs or triplets are drawn, once for a run.
Inputs are standardised and made float32: at the beginning, or, of a file that is mapped and not read, in each batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.errors import InvalidInput
from lossreg.experiment.task.requirements import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.data.preprocessing import Scaling
    from lossreg.experiment.task.requirements import LossRequirements
    from lossreg.experiment.training.compatibility import MatchedLoss

DRAWS = 4
"""Pairs or triplets that are drawn for each row."""


class InputRows:
    """The inputs of examples: a table, and for each example the rows that it has."""

    def __init__(self, table: Any, index: NDArray[np.intp], scaling: Scaling | None = None) -> None:
        self.table = table
        self.index = index
        # What has one axis is indexed in a quarter of the time.
        self.flat = index[:, 0] if index.shape[1] == 1 else index
        self.scaling = scaling
        self.shape = (len(index), table.shape[1])

    def __len__(self) -> int:
        return len(self.index)

    def room(self, count: int) -> NDArray[np.float32]:
        """Room for the inputs of so many examples, the rows of each one after the other."""
        return np.empty((count * self.index.shape[1], self.table.shape[1]), np.float32)

    def take(self, examples: Any, out: Any = None) -> NDArray[np.float32]:
        """The inputs of some examples (their numbers, or a slice of them), in `out` or in room of their own."""
        rows = self.flat[examples].ravel()
        filled: NDArray[np.float32] = np.empty((len(rows), self.shape[1]), np.float32) if out is None else out
        if self.scaling is None and self.table.dtype == np.float32:
            # The array's own method, which makes fewer calls, in the mode that needs no buffer.
            self.table.take(rows, axis=0, out=filled, mode="clip")
        else:
            chosen = self.table[rows]
            filled[...] = self.scaling(chosen) if self.scaling else chosen
        return filled


class Batch(NamedTuple):
    """Room for one batch of examples, and for the gradient of the outputs."""

    inputs: Any
    targets: Any
    grad: Any


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples to train or to test on: inputs, targets (None: the inputs), and those of the losses reported beside."""

    inputs: InputRows
    targets: NDArray[Any] | None
    reported: tuple[NDArray[Any] | None, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def room(self, count: int, outputs: int) -> Batch:
        """Make the room for a batch of so many examples."""
        inputs = self.inputs.room(count)
        targets = inputs if self.targets is None else np.empty((count, *self.targets.shape[1:]), self.targets.dtype)
        return Batch(inputs, targets, np.empty((len(inputs), outputs), np.float32))

    def take(self, examples: NDArray[np.intp], batch: Batch) -> None:
        """Fill a batch with some of the examples."""
        self.inputs.take(examples, batch.inputs)
        if self.targets is not None:
            self.targets.take(examples, axis=0, out=batch.targets, mode="clip")


def part_of(
    fit: MatchedLoss, inputs: Any, rows: NDArray[np.intp], scaling: Scaling | None, random: np.random.Generator
) -> Examples:
    """The examples that some rows of a table make."""
    every = (fit, *fit.reported)
    if fit.demand.task.rows == 1:
        index = rows[:, np.newaxis]
        targets = [None if fit.reconstructing else each.targets[rows] for each in every]
    else:
        index, sides = draw(fit.demand.task, fit.targets, rows, random)
        targets = [shaped(each.demand, sides) for each in every]
    return Examples(InputRows(inputs, index, scaling), targets[0], tuple(targets[1:]))


def shaped(demand: LossRequirements, sides: NDArray[np.float32]) -> NDArray[np.float32]:
    """One number for each example: beside embeddings as it is, beside numbers in a column like theirs."""
    return sides if demand.predictions[0].axis is not None else sides[:, np.newaxis]


def draw(
    task: Task, targets: NDArray[Any], rows: NDArray[np.intp], random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Draw what is compared: the rows of each example, of shape (examples, rows), and 1 or -1 for each.

    `targets` are the classes or ranks of all rows, of which `rows` may be drawn. Raises InvalidInput where there is
    nothing to compare.
    """
    if not len(rows):
        return np.empty((0, task.rows), np.intp), np.empty(0, np.float32)
    values = targets[rows].reshape(len(rows))
    order = np.argsort(values, kind="stable")
    rows, values = np.tile(rows[order], DRAWS), values[order]
    first = np.tile(np.searchsorted(values, values, "left"), DRAWS)
    size = np.tile(np.searchsorted(values, values, "right"), DRAWS) - first
    here, count = np.tile(np.arange(len(values)), DRAWS), len(values)
    # A row of the same value: some places on in its own block. One of another: some places on from the block's end.
    alike = rows[first + (here - first + 1 + pick(random, size - 1)) % size]
    other = rows[(first + size + pick(random, count - size)) % count]
    paired, apart = size > 1, size < count
    if task is Task.TRIPLETS:
        index = np.stack([rows, alike, other], axis=1)[paired & apart]
        sides = np.ones(len(index), np.float32)
    elif task is Task.PAIRS:
        index = np.concatenate([np.stack([rows, alike], axis=1)[paired], np.stack([rows, other], axis=1)[apart]])
        sides = np.repeat(np.array([1, -1], np.float32), [paired.sum(), apart.sum()])
    else:
        index = np.stack([rows, other], axis=1)[apart]
        after = (first + size)[apart] <= np.searchsorted(values, targets[index[:, 1]].reshape(-1))
        sides = np.where(after, np.float32(-1), np.float32(1))
    if not len(index):
        raise InvalidInput(f"{task.value}: there are none in {count} rows")
    return index, sides


def pick(random: np.random.Generator, counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """A number from 0 to below each count, and 0 where that is nothing."""
    return (random.random(len(counts)) * counts).astype(np.intp)
