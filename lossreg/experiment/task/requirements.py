"""What a loss requires: which of its inputs the network predicts, and which target comes from the data.

The input with the role of a target, or else the one without a gradient, comes from the data. All others are
predictions, and come from the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from lossreg.definition.domains import NON_NEGATIVE, POSITIVE, REAL
from lossreg.definition.plain_python.evaluate_point import evaluate
from lossreg.experiment.task.tasks import Task, task_of

if TYPE_CHECKING:
    from lossreg.definition.domains import InverseLink
    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Input


@dataclass(frozen=True)
class LossRequirements:
    """What a loss requires: predictions of the network, and a target of the data, if it has one."""

    task: Task
    predictions: tuple[Input, ...]
    target: Input | None
    log_prediction: bool
    """Whether the prediction is the logarithm of what the target measures, as for Poisson's rate."""
    log_target: bool
    """Whether the target is the logarithm of a probability."""

    @property
    def predictions_per_row(self) -> int:
        """How many predictions the network makes for each row, such as a mean and a variance."""
        return len(self.predictions) if self.task.rows == 1 else 1

    @property
    def inverse_links(self) -> list[InverseLink | None]:
        """For each prediction the function from the network's outputs to it.

        The prediction of a non-negative target is non-negative too, unless it is the logarithm of it.
        """
        domains = [entry.domain for entry in self.predictions]
        if self.target and self.task is Task.REGRESSION and not self.log_prediction:
            domains = [self.target.domain if domain is REAL else domain for domain in domains]
        return [domain.inverse_link for domain in domains]

    @property
    def any_width(self) -> bool:
        """Whether predictions may have any length that the network chooses, as embeddings do."""
        return self.task in (Task.PAIRS, Task.TRIPLETS)


def requirements_of(loss: Loss, parameters: dict[str, Any] | None = None) -> LossRequirements | None:
    """What a loss requires, or None if no network on a table can be trained with it."""
    form = loss.forms[0]
    if form.by_batch:  # its inputs are sequences, or the weights of a layer, which no model and table provide
        return None
    targets = [entry for entry in form.inputs if entry.is_target]
    target = next(iter(targets or [entry for entry in form.inputs if entry.name not in form.slopes]), None)
    predictions = tuple(entry for entry in form.inputs if entry is not target)
    if {entry.name for entry in predictions} != {*form.default_wrt}:
        return None
    if not all(entry.domain.predictable for entry in predictions):
        return None
    task = task_of(predictions, target)
    if task is None:
        return None
    switches = {name: value for name, value in (parameters or {}).items() if name in form.switches}
    logarithms = detect_logarithms(loss, task, switches) if target else (False, False)
    return LossRequirements(task, predictions, target, *logarithms)


def detect_logarithms(loss: Loss, task: Task, switches: dict[str, Any]) -> tuple[bool, bool]:
    """Whether prediction and target are logarithms, which parameters may decide; found by evaluating the kernel.

    The slope is 0 at the best prediction of a count, so the prediction is a logarithm if the slope is closer to 0 at
    the logarithm of the target. A divergence is 0 if both distributions are equal, so the target is a logarithm if the
    value is closer to 0 for a target that is the logarithm.
    """
    form, bound = loss.forms[0], loss.bind(switches)
    if task is Task.REGRESSION and form.inputs[1].domain in (NON_NEGATIVE, POSITIVE):
        at_logarithm, at_target = (abs(evaluate(form, (prediction, 2.0), bound)[1]) for prediction in (log(2), 2.0))
        return at_logarithm < at_target, False
    if task is Task.DISTRIBUTION and not form.by_row:
        at_logarithm, at_target = (abs(evaluate(form, (log(0.5), target), bound)[0]) for target in (log(0.5), 0.5))
        return False, at_logarithm < at_target
    return False, False
