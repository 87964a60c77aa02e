"""The task: what a loss asks of data and network, read from its inputs and their domains and never from its name.

The input called target or labels, or else the one without a slope, comes from the data; all others are predictions, and
come from the network. Several predictions of one kind compare as many rows, each of which goes through the network:

rows  predictions      target                      task           the data's targets
1     numbers          Real, NonNegative, ...      REAL           real numbers
1     numbers          Unit                        BINARY         two classes, or numbers from 0 to 1
1     numbers          Sign                        SIDES          two classes
1     a row            ClassIndex                  LABELS         classes
1     a row            row of Unit, ClassListed    SEVERAL        classes, or columns of 0 and 1
1     probabilities    Real, Probability           DISTRIBUTIONS  classes, or columns that sum to 1
2     numbers          Sign                        ORDER          a real number, or two classes
2     rows, distance   Sign                        PAIRS          classes
3     rows             none                        TRIPLETS       classes
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from math import log
from typing import TYPE_CHECKING, Any

from lossreg.definition.domains import (
    CLASS_INDEX,
    CLASS_LIST,
    DISSIMILARITY,
    LOG_PROBABILITY,
    NON_NEGATIVE,
    POSITIVE,
    PROBABILITY,
    REAL,
    SIGN,
    UNIT,
)
from lossreg.definition.signature import TARGET, TARGETS, evaluate
from lossreg.experiment.task.inverse_links import INVERSE_LINKS

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Input
    from lossreg.experiment.task.inverse_links import InverseLink


class Task(Enum):
    """What the targets are."""

    REAL = "real targets"
    BINARY = "two classes, as 0 and 1"
    SIDES = "two classes, as -1 and 1"
    LABELS = "class labels"
    SEVERAL = "several classes for a row"
    DISTRIBUTIONS = "probabilities of classes"
    ORDER = "pairs of rows, one above the other"
    PAIRS = "pairs of rows, of one class or of two"
    TRIPLETS = "triplets of rows, two of them of one class"

    @property
    def rows(self) -> int:
        """How many rows one example compares."""
        return {Task.ORDER: 2, Task.PAIRS: 2, Task.TRIPLETS: 3}.get(self, 1)


ONE_ROW = {
    (REAL, False): Task.REAL,
    (REAL, True): Task.REAL,
    (NON_NEGATIVE, False): Task.REAL,
    (POSITIVE, False): Task.REAL,
    (UNIT, False): Task.BINARY,
    (SIGN, False): Task.SIDES,
    (CLASS_INDEX, False): Task.LABELS,
    (UNIT, True): Task.SEVERAL,
    (CLASS_LIST, True): Task.SEVERAL,
    (PROBABILITY, False): Task.DISTRIBUTIONS,
    (PROBABILITY, True): Task.DISTRIBUTIONS,
    (LOG_PROBABILITY, False): Task.DISTRIBUTIONS,
    (LOG_PROBABILITY, True): Task.DISTRIBUTIONS,
}
"""The task by the domain of the target, which is that of the prediction where it is Real, and whether it is a row."""

COMPARING = {
    (REAL, False, 2, SIGN): Task.ORDER,
    (REAL, True, 2, SIGN): Task.PAIRS,
    (DISSIMILARITY, False, 1, SIGN): Task.PAIRS,
    (REAL, True, 3, None): Task.TRIPLETS,
}
"""The task by the domain of the predictions, whether they are rows, how many there are, and the target's domain."""


@dataclass(frozen=True)
class LossRequirements:
    """What a loss asks for: predictions of a network, and a target of the data where it has one."""

    task: Task
    predictions: tuple[Input, ...]
    target: Input | None
    log_prediction: bool
    """Whether it predicts the logarithm of the target, as Poisson's does of a count."""
    log_target: bool
    """Whether it takes the logarithm of a probability as target."""

    @property
    def parts(self) -> int:
        """How many predictions a network gives for each row, such as a mean and a variance."""
        return len(self.predictions) if self.task.rows == 1 else 1

    @property
    def links(self) -> list[InverseLink | None]:
        """What makes each prediction of a network's numbers: one of a count is a count, unless it is its logarithm."""
        domains = [entry.domain for entry in self.predictions]
        if self.target and self.task is Task.REAL and not self.log_prediction:
            domains = [self.target.domain if domain is REAL else domain for domain in domains]
        return [INVERSE_LINKS[domain] for domain in domains]

    @property
    def free(self) -> bool:
        """Whether the length of a prediction is the network's own choice, as that of an embedding is."""
        return self.task in (Task.PAIRS, Task.TRIPLETS)


def requirements_of(loss: Loss, parameters: dict[str, Any] | None = None) -> LossRequirements | None:
    """What a loss asks for; None for one that nothing here can be trained with."""
    form = loss.forms[0]
    if form.whole:  # sequences, or the weights of a layer: no outputs of a network beside a target of a table
        return None
    named = [entry for entry in form.inputs if entry.name in TARGETS]
    target = next(iter(named or [entry for entry in form.inputs if entry.name not in form.slopes]), None)
    predictions = tuple(entry for entry in form.inputs if entry is not target)
    if {entry.name for entry in predictions} != {*form.slopes} - {TARGET}:
        return None
    if any(entry.domain not in INVERSE_LINKS for entry in predictions):
        return None
    task = task_of(predictions, target)
    if task is None:
        return None
    switches = {name: value for name, value in (parameters or {}).items() if name in form.switches}
    scales = logarithms(loss, task, switches) if target else (False, False)
    return LossRequirements(task, predictions, target, *scales)


def task_of(predictions: tuple[Input, ...], target: Input | None) -> Task | None:
    """The task of a loss with these inputs, if there is one."""
    first, by_row = predictions[0], predictions[0].axis is not None
    alike = sum((entry.domain, entry.axis) == (first.domain, first.axis) for entry in predictions)
    if alike == len(predictions):
        task = COMPARING.get((first.domain, by_row, alike, target.domain if target else None))
        if task:
            return task
    if target is None or alike > 1 or by_row != (target.axis is not None or target.domain is CLASS_INDEX):
        return None
    subject = first if target.domain is REAL else target
    return ONE_ROW.get((subject.domain, target.axis is not None))


def logarithms(loss: Loss, task: Task, switches: dict[str, Any]) -> tuple[bool, bool]:
    """Whether prediction and target are logarithms, as parameters may decide: found by trying both on the kernel.

    The slope is 0 at the best prediction of a count; the divergence is 0 of a distribution from itself.
    """
    form, bound = loss.forms[0], loss.bind(switches)
    if task is Task.REAL and form.inputs[1].domain in (NON_NEGATIVE, POSITIVE):
        slopes = [abs(evaluate(form, (at, 2.0), bound)[1]) for at in (log(2), 2.0)]
        return slopes[0] < slopes[1], False
    if task is Task.DISTRIBUTIONS and not form.by_row:
        values = [abs(evaluate(form, (log(0.5), at), bound)[0]) for at in (log(0.5), 0.5)]
        return False, values[0] < values[1]
    return False, False
