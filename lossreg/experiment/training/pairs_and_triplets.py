"""Draw the pairs and triplets of rows that a loss compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lossreg.errors import InvalidInput
from lossreg.experiment.task.tasks import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table

DRAWS_PER_ROW = 4
"""How many pairs or triplets are drawn for each row."""


def draw_comparisons(
    task: Task, targets: NDArray[np.generic], rows: NDArray[np.intp], random: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Draw the rows of each example, of shape (examples, rows per example), and its sign, which is 1 or -1.

    `targets` are the classes or ranks of all rows of the table, of which those in `rows` may be drawn. The sign says
    whether the rows of a pair have the same class, or for a ranking whether the first row ranks higher; of triplets it
    is 1. Raises InvalidInput if there is nothing to compare.
    """
    if not len(rows):
        return np.empty((0, task.rows), np.intp), np.empty(0, np.float32)
    values = targets[rows].reshape(len(rows))
    order = np.argsort(values, kind="stable")
    rows, values = np.tile(rows[order], DRAWS_PER_ROW), values[order]
    # Sorted by value, the rows of one value are a block, given for each row by where it starts and its size.
    start = np.tile(np.searchsorted(values, values, "left"), DRAWS_PER_ROW)
    size = np.tile(np.searchsorted(values, values, "right"), DRAWS_PER_ROW) - start
    position, count = np.tile(np.arange(len(values)), DRAWS_PER_ROW), len(values)
    # A row of the same value is some places further on in the block, one of another value behind the block's end.
    same = rows[start + (position - start + 1 + random_below(size - 1, random)) % size]
    other = rows[(start + size + random_below(count - size, random)) % count]
    has_same, has_other = size > 1, size < count
    if task is Task.TRIPLETS:
        index = np.stack([rows, same, other], axis=1)[has_same & has_other]
        signs = np.ones(len(index), np.float32)
    elif task is Task.PAIRS:
        index = np.concatenate([np.stack([rows, same], axis=1)[has_same], np.stack([rows, other], axis=1)[has_other]])
        signs = np.repeat(np.array([1, -1], np.float32), [has_same.sum(), has_other.sum()])
    else:
        index = np.stack([rows, other], axis=1)[has_other]
        second_is_higher = (start + size)[has_other] <= np.searchsorted(values, targets[index[:, 1]].reshape(-1))
        signs = np.where(second_is_higher, np.float32(-1), np.float32(1))
    if not len(index):
        raise InvalidInput(f"{count} rows make no {task.value}")
    return index, signs


def draw_views(table: Table, rows: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    """Return for each row its position, and that of its second view: behind all rows, or a row of the same class."""
    if table.second_view is not None:
        return np.stack([rows, rows + len(table.inputs)], axis=1)
    index, signs = draw_comparisons(Task.PAIRS, table.targets, rows, random)
    if not (signs > 0).any():
        raise InvalidInput(f"{len(rows)} rows make no {Task.VIEWS.value}")
    return index[signs > 0]


def random_below(counts: NDArray[np.intp], random: np.random.Generator) -> NDArray[np.intp]:
    """A random integer from 0 to below each count, or 0 if the count is 0."""
    return (random.random(len(counts)) * counts).astype(np.intp)
