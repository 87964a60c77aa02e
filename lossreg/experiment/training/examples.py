"""The examples to train or evaluate on, taken from a table in batches.

An example is a row, or several rows that a loss compares: for each row a few pairs or triplets are drawn, once for a
run. Inputs are standardised and converted to float32 in advance, or in each batch for a memory-mapped file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.experiment.data.given_columns import GROUP
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.pairs_and_triplets import draw_comparisons, draw_views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.data.preprocessing import Scaling
    from lossreg.experiment.data.table import Table
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


class GroupedRows(InputRows):
    """The inputs of examples that are groups of rows, each of as many as it has."""

    def __init__(self, table: Any, rows: NDArray[np.intp], groups: NDArray[Any], scaling: Scaling | None) -> None:
        order = np.argsort(groups, kind="stable")
        super().__init__(table, rows[order][:, np.newaxis], scaling)
        _, starts = np.unique(groups[order], return_index=True)
        self.bounds = np.append(starts, len(rows))
        self.order = order
        self.shape = (len(starts), table.shape[1])

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def rows_of(self, examples: Any) -> NDArray[np.intp]:
        """The positions of the rows of some examples, in the order of the groups."""
        chosen = np.arange(len(self))[examples]
        return np.concatenate([np.arange(self.bounds[at], self.bounds[at + 1]) for at in chosen] or [np.arange(0)])

    def take(self, examples: Any, out: Any = None) -> NDArray[np.float32]:
        """The inputs of all rows of some examples; see `InputRows.take`."""
        return super().take(self.rows_of(examples), out)


class BatchBuffers(NamedTuple):
    """Buffers for one batch of examples, and for the gradient with respect to the network's outputs."""

    inputs: Any
    targets: list[Any]
    """Those of each term of the trained loss."""
    grad: Any
    beside: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Examples:
    """Examples: their inputs, their targets (None for the inputs themselves), and the targets of other losses.

    The first `added` of the others are those of the terms that a sum has beside its first. `beside` has what the losses
    get from the data besides: groups, events, weights. If examples are groups, all of these are those of the groups'
    rows.
    """

    inputs: InputRows
    targets: NDArray[Any] | None
    others: tuple[NDArray[Any] | None, ...] = ()
    beside: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    added: int = 0

    def __len__(self) -> int:
        return len(self.inputs)

    @property
    def trained(self) -> tuple[NDArray[Any] | None, ...]:
        """The targets of each term of the trained loss."""
        return (self.targets, *self.others[: self.added])

    def at(self, rows: slice, inputs: Any) -> tuple[list[Any], dict[str, Any]]:
        """The targets of each loss in some rows, of which these are the inputs, and what is beside them."""
        targets = [inputs if each is None else each[rows] for each in (self.targets, *self.others)]
        return targets, {name: x[rows] for name, x in self.beside.items()}

    def allocate(self, count: int, outputs: int) -> BatchBuffers:
        """Allocate buffers for a batch of `count` examples, and a network with `outputs` outputs for each row."""
        inputs = self.inputs.allocate(count)
        targets = [inputs if x is None else np.empty((count, *x.shape[1:]), x.dtype) for x in self.trained]
        beside = {name: np.empty((count, *x.shape[1:]), x.dtype) for name, x in self.beside.items()}
        return BatchBuffers(inputs, targets, np.empty((len(inputs), outputs), np.float32), beside)

    def grouped(self, examples: Any, outputs: int) -> BatchBuffers:
        """Allocate and fill buffers for a batch of examples that are groups."""
        assert isinstance(self.inputs, GroupedRows)  # noqa: S101  others have buffers of fixed sizes
        rows = self.inputs.rows_of(examples)
        batch = self.allocate(len(rows), outputs)
        self.inputs.take(examples, batch.inputs)
        self.fill_beside(rows, batch)
        return batch

    def fill(self, examples: NDArray[np.intp], batch: BatchBuffers) -> None:
        """Copy some of the examples into the buffers of a batch."""
        self.inputs.take(examples, batch.inputs)
        self.fill_beside(examples, batch)

    def fill_beside(self, rows: NDArray[np.intp], batch: BatchBuffers) -> None:
        """Copy targets, and what is beside them, into the buffers of a batch."""
        for targets, buffer in zip(self.trained, batch.targets, strict=True):
            if targets is not None:
                targets.take(rows, axis=0, out=buffer, mode="clip")
        for name, buffer in batch.beside.items():
            self.beside[name].take(rows, axis=0, out=buffer, mode="clip")


def make_examples(  # noqa: PLR0913, PLR0917  all that examples are made of
    matched: MatchedLoss,
    table: Table,
    inputs: Any,
    rows: NDArray[np.intp],
    scaling: Scaling | None,
    random: np.random.Generator,
) -> Examples:
    """Make the examples of some rows of a table; raises InvalidInput if there is nothing to compare in them.

    With a second view, `inputs` has the rows of that after all those of the first.
    """
    every, added = matched.every, len(matched.added)
    beside = {name: x[rows] for name, x in table.given.items()}
    if GROUP in beside:
        grouped = GroupedRows(inputs, rows, beside[GROUP], scaling)
        targets: list[Any] = [each.targets[rows][grouped.order] for each in every]
        beside = {name: x[grouped.order] for name, x in beside.items()}
        return Examples(grouped, targets[0], tuple(targets[1:]), beside, added)
    if matched.requirements.task.rows == 1:
        index = rows[:, np.newaxis]
        targets = [None if matched.reconstructs_inputs else each.targets[rows] for each in every]
        return Examples(InputRows(inputs, index, scaling), targets[0], tuple(targets[1:]), beside, added)
    if matched.requirements.task is Task.VIEWS:
        index = draw_views(table, rows, random)
        signs = np.ones(len(index), np.float32)
    else:
        index, signs = draw_comparisons(matched.requirements.task, matched.targets, rows, random)
    targets = [as_targets(signs, each.requirements) for each in every]
    beside = {name: x[index[:, 0]] for name, x in table.given.items()}
    return Examples(InputRows(inputs, index, scaling), targets[0], tuple(targets[1:]), beside, added)


def as_targets(signs: NDArray[np.float32], requirements: LossRequirements) -> NDArray[np.float32]:
    """The sign of each example: a vector for a loss of embeddings, or a column for a loss of numbers."""
    return signs if requirements.predictions[0].axis is not None else signs[:, np.newaxis]
