"""What a loss requires: which of its inputs the network predicts, and which target comes from the data.

The input with the role of a target, or else the one without a gradient, comes from the data. All others are
predictions, and come from the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import FEWER_CLASSES
from lossreg.definition.domains import NON_NEGATIVE, POSITIVE, REAL
from lossreg.definition.plain_python.evaluate_point import evaluate
from lossreg.definition.roles import Role
from lossreg.definition.signature import CLASSES, SAMPLES
from lossreg.errors import InvalidInput
from lossreg.experiment.task.tasks import Task, is_row, task_of

if TYPE_CHECKING:
    from lossreg.definition.domains import InverseLink
    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Input

SUPPLIED = (Role.EVENT, Role.GROUP, Role.DATA)
"""The roles of inputs that come from the data, besides the target."""


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
    others: tuple[Input, ...] = ()
    """The other inputs that come from the data: groups, events and the like."""
    learned: tuple[Input, ...] = ()
    """The inputs that are trained beside the network."""

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
        """Whether predictions may have any length that the network chooses, as embeddings and ensembles do."""
        if self.task in (Task.PAIRS, Task.TRIPLETS, Task.VIEWS):
            return True
        first, target = self.predictions[0], self.target
        if self.fixed_width or target is None or not is_row(first) or is_row(target):
            return False
        return target.role is not Role.LABEL or (bool(first.axes) and CLASSES not in first.axes)

    @property
    def fixed_width(self) -> str:
        """How many numbers a prediction has: a number or FEWER_CLASSES, or nothing if targets or network decide."""
        first = self.predictions[0]
        if first.axes == (SAMPLES,):
            return "1"
        named = [axis for axis in first.axes if axis.isdecimal() or axis == FEWER_CLASSES]
        return next(iter(named), first.width)

    def width(self, targets: Any, classes: int) -> int | None:
        """How many numbers a prediction has, for encoded targets of so many classes; None if the network decides.

        Raises InvalidInput for targets of another width.
        """
        if self.fixed_width:
            width = classes - 1 if self.fixed_width == FEWER_CLASSES else int(self.fixed_width)
            if targets.ndim > 1 and targets.shape[1] != width:
                raise InvalidInput(f"expects {width} target columns, but the data have {targets.shape[1]}")
            return width
        if self.task is Task.SURVIVAL and targets.ndim > 1 and targets.shape[1] > 1:
            raise InvalidInput(f"takes one time for each row, but the data have {targets.shape[1]} target columns")
        if self.any_width:
            return None
        return int(targets.shape[1]) if targets.ndim > 1 else classes


def requirements_of(loss: Loss, parameters: dict[str, Any] | None = None) -> LossRequirements | None:
    """What a loss requires, or None if no network on a table can be trained with it."""
    form = loss.forms[0]
    targets = [entry for entry in form.inputs if entry.is_target]
    given = [entry for entry in form.inputs if entry.name not in form.slopes and entry.role not in SUPPLIED]
    target = next(iter(targets or given), None)
    others = tuple(entry for entry in form.inputs if entry.role in SUPPLIED)
    predictions = tuple(
        entry for entry in form.inputs if entry is not target and entry.role not in (*SUPPLIED, Role.LEARNED)
    )
    if {entry.name for entry in (*predictions, *form.learned)} != {*form.default_wrt} or not predictions:
        return None
    if not all(entry.domain.predictable and (SAMPLES in entry.axes) is form.by_batch for entry in predictions):
        return None  # such as the weights of a layer
    if any(entry.optional or entry.variadic or entry.lengths for entry in form.inputs):
        return None
    task = task_of(predictions, target, others)
    if task is None:
        return None
    switches = {name: value for name, value in (parameters or {}).items() if name in form.switches}
    logarithms = detect_logarithms(loss, task, switches) if target else (False, False)
    return LossRequirements(task, predictions, target, *logarithms, others, form.learned)


def detect_logarithms(loss: Loss, task: Task, switches: dict[str, Any]) -> tuple[bool, bool]:
    """Whether prediction and target are logarithms, which parameters may decide; found by evaluating the kernel.

    The slope is 0 at the best prediction of a count, so the prediction is a logarithm if the slope is closer to 0 at
    the logarithm of the target. A divergence is 0 if both distributions are equal, so the target is a logarithm if the
    value is closer to 0 for a target that is the logarithm.
    """
    form, bound = loss.forms[0], loss.bind(switches)
    if form.by_row or form.by_batch or len(form.inputs) != 2:  # noqa: PLR2004  prediction and target
        return False, False
    if task is Task.REGRESSION and form.inputs[1].domain in (NON_NEGATIVE, POSITIVE):
        at_logarithm, at_target = (abs(evaluate(form, (prediction, 2.0), bound)[1]) for prediction in (log(2), 2.0))
        return at_logarithm < at_target, False
    if task is Task.DISTRIBUTION:
        at_logarithm, at_target = (abs(evaluate(form, (log(0.5), target), bound)[0]) for target in (log(0.5), 0.5))
        return False, at_logarithm < at_target
    return False, False
