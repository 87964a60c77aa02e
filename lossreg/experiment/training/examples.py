"""The examples to train or evaluate on, taken from a table in batches.

An example is a row, or several rows that a loss compares: for each row a few pairs or triplets are drawn, once for a
run. Inputs are standardised and converted to float32 in advance, or in each batch for a memory-mapped file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.experiment.training.comparisons import draw_comparisons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.data.preprocessing import Scaling
    from lossreg.experiment.task.requirements import LossRequirements
    from lossreg.experiment.training.compatibility import MatchedLoss


class InputRows:
    """The inputs of examples: a table, and the indices of the rows of each example."""

    def __init__(self, table: Any, index: NDArray[np.intp], scaling: Scaling | None = None) -> None:
        self.table = table
        self.index = index
        # Indexing with a vector takes a quarter of the time of a matrix with one column.
        self.flat_index = index[:, 0] if index.shape[1] == 1 else index
        self.scaling = scaling
        self.shape = (len(index), table.shape[1])

    def __len__(self) -> int:
        return len(self.index)

    def allocate(self, count: int) -> NDArray[np.float32]:
        """Allocate a buffer for the inputs of `count` examples, with the rows of each after one another."""
        return np.empty((count * self.index.shape[1], self.table.shape[1]), np.float32)

    def take(self, examples: Any, out: Any = None) -> NDArray[np.float32]:
        """The inputs of some examples, given by an array of indices or a slice, in `out` or a new array."""
        rows = self.flat_index[examples].ravel()
        filled: NDArray[np.float32] = np.empty((len(rows), self.shape[1]), np.float32) if out is None else out
        if self.scaling is None and self.table.dtype == np.float32:
            # The method has less overhead than np.take, and mode="clip" needs no temporary buffer.
            self.table.take(rows, axis=0, out=filled, mode="clip")
        else:
            chosen = self.table[rows]
            filled[...] = self.scaling(chosen) if self.scaling else chosen
        return filled


class BatchBuffers(NamedTuple):
    """Buffers for one batch of examples, and for the gradient with respect to the network's outputs."""

    inputs: Any
    targets: Any
    grad: Any


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples: their inputs, their targets (None for the inputs themselves), and the targets of reported losses."""

    inputs: InputRows
    targets: NDArray[Any] | None
    reported: tuple[NDArray[Any] | None, ...] = ()

    def __len__(self) -> int:
        return len(self.inputs)

    def allocate(self, count: int, outputs: int) -> BatchBuffers:
        """Allocate buffers for a batch of `count` examples, and a network with `outputs` outputs for each row."""
        inputs = self.inputs.allocate(count)
        targets = inputs if self.targets is None else np.empty((count, *self.targets.shape[1:]), self.targets.dtype)
        return BatchBuffers(inputs, targets, np.empty((len(inputs), outputs), np.float32))

    def fill(self, examples: NDArray[np.intp], batch: BatchBuffers) -> None:
        """Copy some of the examples into the buffers of a batch."""
        self.inputs.take(examples, batch.inputs)
        if self.targets is not None:
            self.targets.take(examples, axis=0, out=batch.targets, mode="clip")


def make_examples(
    matched: MatchedLoss, inputs: Any, rows: NDArray[np.intp], scaling: Scaling | None, random: np.random.Generator
) -> Examples:
    """Make the examples of some rows of a table; raises InvalidInput if there is nothing to compare in them."""
    every = (matched, *matched.reported)
    if matched.requirements.task.rows == 1:
        index = rows[:, np.newaxis]
        targets = [None if matched.reconstructs_inputs else each.targets[rows] for each in every]
    else:
        index, signs = draw_comparisons(matched.requirements.task, matched.targets, rows, random)
        targets = [as_targets(signs, each.requirements) for each in every]
    return Examples(InputRows(inputs, index, scaling), targets[0], tuple(targets[1:]))


def as_targets(signs: NDArray[np.float32], requirements: LossRequirements) -> NDArray[np.float32]:
    """The sign of each example: a vector for a loss of embeddings, or a column for a loss of numbers."""
    return signs if requirements.predictions[0].axis is not None else signs[:, np.newaxis]
