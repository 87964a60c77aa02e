"""Targets: the classes or numbers of a table as a loss takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.domains import CLASS_LIST, PROBABILITY
from lossreg.errors import InvalidInput
from lossreg.experiment.task.requirements import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table
    from lossreg.experiment.task.requirements import LossRequirements

TWO = 2
CLOSE = 1e-3
"""By how much probabilities may miss a sum of 1, as they do where they were written with few digits."""


def suits(task: Task, table: Table) -> bool:
    """Whether a table has the kind of target that a task needs."""
    if not table.classes:
        return task not in (Task.SIDES, Task.LABELS, Task.PAIRS, Task.TRIPLETS)
    if task in (Task.BINARY, Task.SIDES, Task.ORDER):
        return len(table.classes) == TWO
    return task is not Task.REAL


def encode(demand: LossRequirements, table: Table) -> NDArray[Any]:
    """The targets of all rows as the loss takes them or, where it compares rows, the classes or ranks to compare.

    Raises InvalidInput for numbers outside the loss's domain.
    """
    task = demand.task
    if not table.classes:
        return checked(demand, table)
    if task in (Task.LABELS, Task.PAIRS, Task.TRIPLETS):
        return np.asarray(table.targets, np.int64)
    if task in (Task.BINARY, Task.SIDES, Task.ORDER):
        second = np.asarray(table.targets, np.float32)[:, np.newaxis]
        return 2 * second - 1 if task is Task.SIDES else second
    return written(demand, np.eye(len(table.classes), dtype=np.float32)[table.targets])


def checked(demand: LossRequirements, table: Table) -> NDArray[Any]:
    """Real targets, after a look at each; raises InvalidInput."""
    task, found = demand.task, np.asarray(table.targets, np.float32)
    if task is Task.ORDER:
        if found.shape[1] > 1:
            raise InvalidInput(f"one column to order rows by, and there are {found.shape[1]}")
        return found
    domain = PROBABILITY if task is Task.DISTRIBUTIONS or demand.target is None else demand.target.domain
    extent, inside = domain.extent, np.asarray(domain.contains(found)).all(axis=1)
    if task is Task.DISTRIBUTIONS:
        inside &= abs(found.sum(axis=1, dtype=np.float64) - 1) < CLOSE
    if domain is CLASS_LIST:
        extent, inside = "0 or 1 for each class", np.isin(found, (0, 1)).all(axis=1)
    if not inside.all():
        row, count = int(inside.argmin()), int((~inside).sum())
        told = f"a target {extent}; {count} of {len(found)} rows have none, the first, row {row + 1}"
        raise InvalidInput(f"{told}, is {found[row].tolist()}")
    return written(demand, found)


def written(demand: LossRequirements, found: NDArray[np.float32]) -> NDArray[Any]:
    """Numbers as the loss wants them written: as they are, as logarithms, or as lists of classes with -1 behind."""
    if demand.log_target:
        with np.errstate(divide="ignore"):
            return np.log(found)
    if demand.target is None or demand.target.domain is not CLASS_LIST:
        return found
    first = np.argsort(-found, axis=1, kind="stable")
    return np.where(np.take_along_axis(found, first, axis=1) > 0, first, -1)
