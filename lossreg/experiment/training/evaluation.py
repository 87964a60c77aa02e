"""Evaluation: how well a network does on the examples of a part.

`loss` is the mean of the config's loss, whatever the reduction that trains, so that runs can be compared;
`loss_huber` that of a loss reported beside it. Everything else is a metric:

r2, mae, rmse     of real targets; r2 is averaged over the columns that vary, and nan where none does
accuracy          the share of rows, or of what compares rows, that are told right
precision_at_1    of rows with several classes: the share whose highest score is one of theirs

A pair or a triplet is told right where its loss would be larger the other way round.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.experiment.config.run_config import label
from lossreg.experiment.task.metrics import FORMS, METRICS, OWN
from lossreg.experiment.task.requirements import Task
from lossreg.experiment.training.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.network.interface import Network
    from lossreg.experiment.task.requirements import LossRequirements
    from lossreg.experiment.training.compatibility import MatchedLoss
    from lossreg.experiment.training.examples import Examples

HALF = 0.5

NUMBERS, LEAST, MOST = 1 << 18, 64, 4096
"""Inputs at a time, and the fewest and most examples: enough to be fast, few enough to stay in the cache."""


class Evaluator:
    """Measures networks: by the loss, the losses reported beside it by their labels, and metrics by name."""

    def __init__(
        self,
        objective: Objective,
        reported: dict[str, Objective] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        task, loss = objective.demand.task, objective.criterion
        self.form = FORMS.get(task, "two classes")
        self.names = OWN[self.form] if names is None else names
        self.objectives = {"loss": objective, **{f"loss_{label}": each for label, each in (reported or {}).items()}}
        self.each = Criterion(loss.loss, "none", loss.parameters) if task.rows > 1 else None
        # What the chunks of a part weigh depends on its targets alone.
        self.weights: WeakKeyDictionary[Examples, dict[str, list[float]]] = WeakKeyDictionary()

    @classmethod
    def of(cls, config: Config, found: MatchedLoss) -> Evaluator:
        """Make the measure that a config asks for."""
        pairs = zip((config.loss, *config.report), (found, *found.reported), strict=True)
        first, *reported = (
            Objective(choice.component, "mean", choice.parameters, each.demand, found.demand.parts)
            for choice, each in pairs
        )
        labels = map(label, config.report)
        return cls(first, dict(zip(labels, reported, strict=True)), config.metrics)

    def __call__(self, network: Network, part: Examples) -> dict[str, float]:
        """Measure all examples of a part."""
        totals = dict.fromkeys(self.objectives, 0.0)
        weights = self.weights.setdefault(part, defaultdict(list))
        running = RunningMetrics()
        collected: list[tuple[Any, Any]] = []
        for number, (outputs, targets) in enumerate(in_chunks(network, part)):
            for (key, objective), each in zip(self.objectives.items(), targets, strict=True):
                if number == len(weights[key]):
                    weights[key].append(objective.denominator(outputs, each))
                totals[key] += float(objective(outputs, each)) * weights[key][number]
            truth, estimate = self.observe(outputs, targets[0])
            running.add(self.form, truth, estimate)
            if any(name in METRICS for name in self.names):
                collected.append((np.array(truth), np.array(estimate)))
        divisors = {key: sum(each) for key, each in weights.items()}
        measured = {key: total / divisors[key] if divisors[key] else 0.0 for key, total in totals.items()}
        own = running.metrics(self.form)
        every = [np.concatenate(column) for column in zip(*collected, strict=True)]
        named = {name: own[name] if name in own else METRICS[name](*every) for name in self.names}
        return {"loss": measured.pop("loss"), **named, **measured}

    def observations(self, network: Network, part: Examples) -> tuple[Any, Any]:
        """What is true of all examples of a part, and what the network makes of it."""
        chunks = (self.observe(outputs, targets[0]) for outputs, targets in in_chunks(network, part))
        copies = [(np.array(truth), np.array(estimate)) for truth, estimate in chunks]
        truth, estimate = (np.concatenate(column) for column in zip(*copies, strict=True))
        return truth, estimate

    def observe(self, outputs: Any, targets: Any) -> tuple[Any, Any]:
        """What is true of some examples, and what the network makes of it, in the form of the task."""
        objective = self.objectives["loss"]
        demand = objective.demand
        if self.each is not None:
            return compare(self.each, demand, objective.predictions(outputs), targets)
        if self.form == "values":
            estimate = objective.predictions(outputs)[0]
            return targets, np.exp(estimate) if demand.log_prediction else estimate
        raw = objective.raw(outputs)[0]
        if self.form == "several classes":
            return members(targets, raw.shape[1]), raw
        if self.form == "classes":
            return targets if targets.ndim == 1 else targets.argmax(axis=1), raw
        return targets.ravel() > (HALF if demand.task is Task.BINARY else 0), raw.ravel()


def in_chunks(network: Network, part: Examples) -> Iterator[tuple[Any, list[Any]]]:
    """What a network gives for the examples of a part, and the targets of each loss; the network reuses its outputs."""
    size = min(max(NUMBERS // part.inputs.shape[1], LEAST), MOST, len(part))
    room = part.inputs.room(size)
    for start in range(0, len(part), size):
        chunk = slice(start, start + size)
        inputs = part.inputs.take(chunk, room[: part.inputs.index[chunk].size])
        outputs = network.forward(inputs)
        yield outputs, [inputs if each is None else each[chunk] for each in (part.targets, *part.reported)]


def members(targets: Any, classes: int) -> Any:
    """Whether each row has each class, from lists of classes or from numbers near 0 and 1."""
    if targets.dtype.kind == "f":
        return targets > HALF
    found = np.zeros((len(targets), classes + 1), np.bool_)
    np.put_along_axis(found, targets, values=True, axis=1)  # -1 is the column that is left out
    return found[:, :-1]


def compare(loss: Criterion, demand: LossRequirements, predictions: list[Any], sides: Any) -> tuple[Any, Any]:
    """Whether each pair belongs as it stands (a triplet does), and by how much more it would lose the other way."""
    if demand.target is None:
        anchor, positive, negative = predictions
        return np.ones(len(anchor), np.bool_), loss(anchor, negative, positive) - loss(*predictions)
    together, apart = (loss(*predictions, np.full_like(sides, side)) for side in (1, -1))
    return sides.ravel() > 0, (apart - together).ravel()


@dataclass
class RunningMetrics:
    """Sums over the examples so far."""

    rows: int = 0
    size: int = 0
    hits: float = 0.0
    absolute: float = 0.0
    squares: Any = 0.0
    first: Any = None
    shift: Any = 0.0
    spread: Any = field(default=0.0)

    def add(self, form: str, truth: Any, estimate: Any) -> None:
        """Add some examples."""
        self.rows += len(truth)
        self.size += truth.size
        if form == "values":
            errors = estimate.astype(np.float64) - truth
            self.absolute += np.abs(errors).sum()
            self.squares += np.square(errors).sum(axis=0)
            self.first = truth[0].astype(np.float64) if self.first is None else self.first
            moved = truth - self.first  # of which squares lose no digits, and a constant is 0
            self.shift += moved.sum(axis=0)
            self.spread += np.square(moved).sum(axis=0)
        elif form == "classes":
            self.hits += (estimate.argmax(axis=1) == truth).sum()
        elif form == "several classes":
            self.hits += np.take_along_axis(truth, estimate.argmax(axis=1)[:, np.newaxis], axis=1).sum()
        else:
            self.hits += ((estimate > 0) == truth).sum()

    def metrics(self, form: str) -> dict[str, float]:
        """The metrics of a form that need no more than sums."""
        if form != "values":
            counted = self.rows if form == "several classes" else self.size
            return {OWN[form][0]: float(self.hits / counted)}
        spread = self.spread - np.square(self.shift) / self.rows
        varied = self.spread > 0
        explained = 1 - self.squares[varied] / spread[varied]
        return {
            "r2": float(explained.mean()) if varied.any() else float("nan"),
            "mae": float(self.absolute / self.size),
            "rmse": float(np.sqrt(self.squares.sum() / self.size)),
        }
