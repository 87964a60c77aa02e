"""The task: what a loss asks of data and model, read from the domains of its inputs and never from its name.

prediction        target                        targets                     width       task
Real              Real, NonNegative, Positive   (n, columns), real          columns     REAL
Real              Unit                          (n, 1), 0 or 1              1           BINARY
Real              Sign                          (n, 1), -1 or 1             1           SIDES
row of Real       ClassIndex                    (n,), 0 to classes - 1      classes     LABELS
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.domains import CLASS_INDEX, NON_NEGATIVE, POSITIVE, REAL, SIGN, UNIT
from lossreg.errors import BrokenPlugin, InvalidConfig, listed
from lossreg.registry import losses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.definition import Loss
    from lossreg.experiment.config import Config
    from lossreg.experiment.data import Table
    from lossreg.experiment.document import KeyPath


class Task(Enum):
    """What the targets are."""

    REAL = "real targets"
    BINARY = "two classes, as 0 and 1"
    SIDES = "two classes, as -1 and 1"
    LABELS = "class labels"


TASKS = {
    (REAL, False): Task.REAL,
    (NON_NEGATIVE, False): Task.REAL,
    (POSITIVE, False): Task.REAL,
    (UNIT, False): Task.BINARY,
    (SIGN, False): Task.SIDES,
    (CLASS_INDEX, True): Task.LABELS,
}
TWO = 2


def task_of(loss: Loss) -> Task | None:
    """The task of a loss; None for one that a network with one output row for each input row cannot be trained with."""
    match loss.inputs:
        case prediction, target if prediction.domain is REAL and target.axis is None:
            return TASKS.get((target.domain, prediction.axis is not None))
    return None


def suits(task: Task | None, table: Table) -> bool:
    """Whether a table has the targets of a task."""
    if task in (Task.BINARY, Task.SIDES):
        return len(table.classes) == TWO
    return task is not None and (task is Task.LABELS) == bool(table.classes)


def fit(config: Config, table: Table) -> tuple[Task, NDArray[Any], int]:
    """Match a config's loss with its data: the task, the targets as the loss takes them, and the width of the output.

    Raises InvalidConfig, which says what to change, where they do not go together or the model's sizes differ.
    """
    loss: Any = config.loss.component
    task = task_of(loss)
    if task is None or not suits(task, table):
        raise mismatch(config, table, task)
    if task is Task.REAL:
        targets = table.targets.astype(np.float32)
        check_domain(config, targets)
    elif task is Task.LABELS:
        targets = table.targets.astype(np.int64)
    else:
        targets = table.targets.astype(np.float32)[:, np.newaxis]
        if task is Task.SIDES:
            targets = 2 * targets - 1
    width = len(table.classes) if task is Task.LABELS else targets.shape[1]
    needed = {
        "inputs": (table.inputs.shape[1], f"the features of {config.data.name}"),
        "outputs": (width, f"what {config.loss.name} takes for {config.data.name}"),
    }
    problems: list[tuple[KeyPath, str]] = []
    for key, (size, reason) in needed.items():
        given = config.model.settings[key]
        if given not in (None, size):
            what = f"expected {size}, {reason}, got {given}; leave it out or write {size}"
            problems.append((("model", key), what))
    if problems:
        raise config.error(*problems)
    return task, targets, width


def mismatch(config: Config, table: Table, task: Task | None) -> InvalidConfig:
    """Make the error of a loss and data that do not go together, with the losses that would."""
    name = config.loss.name
    found = f"{len(table.classes)} classes" if table.classes else "real targets"
    if task is None:
        takes = ", ".join(f"{entry.name} ({entry.domain.extent})" for entry in config.loss.component.inputs)
        problem = f"{name} takes {takes}, which a {config.model.name} on a table does not give"
    else:
        problem = f"{name} takes {task.value}, and {config.data.name} has {found}"
    change = "" if table.classes or task in (None, Task.REAL) else ", or give data with class labels"
    return config.error((("loss",), f"{problem}; losses that fit: {listed(fitting(table))}{change}"))


def fitting(table: Table) -> list[str]:
    """The names of the installed losses that suit a table's targets."""
    names = []
    for offer in losses.offers():
        try:
            task = task_of(losses.load(offer))
        except BrokenPlugin:
            continue
        if suits(task, table):
            names.append(offer.name)
    return names


def check_domain(config: Config, targets: NDArray[np.float32]) -> None:
    """Raise InvalidConfig for a real target outside the loss's domain, with how many there are and the first row."""
    target = config.loss.component.inputs[1]
    outside = ~np.asarray(target.domain.contains(targets)).all(axis=1)
    if outside.any():
        row = int(outside.argmax())
        what = (
            f"{config.loss.name} takes a target {target.domain.extent}; in {config.data.name} {outside.sum()} of "
            f"{len(targets)} rows have none, the first, row {row + 1}, is {targets[row].tolist()}"
        )
        raise config.error((("loss",), what))
