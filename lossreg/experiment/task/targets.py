"""Encode the classes or real targets of a table in the form that a loss takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.domains import PROBABILITY
from lossreg.definition.roles import Role
from lossreg.definition.signature import SAMPLES
from lossreg.errors import InvalidInput
from lossreg.experiment.task.tasks import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table
    from lossreg.experiment.task.requirements import LossRequirements

TWO_CLASSES = 2
TOLERANCE = 1e-3
"""By how much the sum of probabilities may differ from 1, since a file may have them with few digits."""


def are_suitable(task: Task, table: Table) -> bool:
    """Whether a table has the kind of target that a task needs."""
    if task is Task.VIEWS:
        return bool(table.classes) or table.second_view is not None
    if not table.classes:
        return task not in (Task.SIGNED_BINARY, Task.CLASSIFICATION, Task.PAIRS, Task.TRIPLETS)
    if task in (Task.BINARY, Task.SIGNED_BINARY, Task.RANKING):
        return len(table.classes) == TWO_CLASSES
    return task not in (Task.REGRESSION, Task.LISTS, Task.SURVIVAL)


def encode_targets(requirements: LossRequirements, table: Table) -> NDArray[Any]:
    """The targets of all rows as the loss takes them, or for a loss that compares rows, their classes or ranks.

    Raises InvalidInput for numbers outside the domain of the target.
    """
    task = requirements.task
    if task is Task.VIEWS:
        return np.asarray(table.targets)
    if not table.classes:
        return encode_real_targets(requirements, table)
    if task in (Task.CLASSIFICATION, Task.PAIRS, Task.TRIPLETS):
        return np.asarray(table.targets, np.int64)
    if task in (Task.BINARY, Task.SIGNED_BINARY, Task.RANKING):
        is_second = np.asarray(table.targets, np.float32)[:, np.newaxis]
        encoded = 2 * is_second - 1 if task is Task.SIGNED_BINARY else is_second
        return encoded[:, 0] if requirements.target and requirements.target.axes == (SAMPLES,) else encoded
    return transformed(requirements, np.eye(len(table.classes), dtype=np.float32)[table.targets])


def encode_real_targets(requirements: LossRequirements, table: Table) -> NDArray[Any]:
    """Encode real targets; raises InvalidInput for those outside the domain of the target."""
    task, targets = requirements.task, np.asarray(table.targets, np.float32)
    if task is Task.RANKING:
        if targets.shape[1] > 1:
            raise InvalidInput(f"expects one target column to rank rows by, but the data have {targets.shape[1]}")
        return targets
    domain = PROBABILITY if task is Task.DISTRIBUTION or requirements.target is None else requirements.target.domain
    extent, valid = domain.description, np.asarray(domain.contains(targets)).all(axis=1)
    if task is Task.DISTRIBUTION:
        valid &= abs(targets.sum(axis=1, dtype=np.float64) - 1) < TOLERANCE
    if requirements.target and requirements.target.role is Role.LABELS:
        extent, valid = "0 or 1 for each class", np.isin(targets, (0, 1)).all(axis=1)
    if not valid.all():
        row, count = int(valid.argmin()), int((~valid).sum())
        where = f"in {count} of {len(targets)} rows; the first is {targets[row].tolist()}, in row {row + 1}"
        raise InvalidInput(f"expects targets to be {extent}, but the data have others {where}")
    if (requirements.target and requirements.target.axes == (SAMPLES,)) or is_single(requirements):
        if targets.shape[1] > 1:
            raise InvalidInput(f"expects one target column, but the data have {targets.shape[1]}")
        return targets[:, 0]
    return transformed(requirements, targets)


def is_single(requirements: LossRequirements) -> bool:
    """Whether the target of a row of predictions is a single number."""
    target, first = requirements.target, requirements.predictions[0]
    return target is not None and first.axis is not None and target.axis is None


def transformed(requirements: LossRequirements, targets: NDArray[np.float32]) -> NDArray[Any]:
    """Targets as they are, as logarithms, or, from columns of 0 and 1, as lists of classes padded with -1."""
    if requirements.log_target:
        with np.errstate(divide="ignore"):
            return np.log(targets)
    if requirements.target is None or requirements.target.role is not Role.LABELS:
        return targets
    order = np.argsort(-targets, axis=1, kind="stable")
    return np.where(np.take_along_axis(targets, order, axis=1) > 0, order, -1)
