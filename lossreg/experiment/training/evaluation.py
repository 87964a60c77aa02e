"""Evaluate a network on examples: the trained loss, reported losses, and metrics.

`loss` is the mean of the loss that is trained, whatever reduction training uses, so that runs can be compared;
`loss_huber` is that of a reported loss; `loss.dice` is that of a term of a weighted sum, without its factor;
`loss.invariance` is one of the numbers that a loss reports beside its value, by a method `terms`. Coupled samples are
compared with all others of their chunk. All others are metrics, which are plugins and get the targets and predictions
of all examples.

A pair or triplet is predicted correctly if its loss would be larger for the opposite target.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.errors import listed
from lossreg.experiment.network.boosted import BoostedNetwork
from lossreg.experiment.task.metrics import BoundMetric, metric_kind, usual_metrics
from lossreg.experiment.task.order_metrics import harrell_concordance
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.examples import GroupedRows
from lossreg.experiment.training.objective import Objective

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.data.preprocessing import Scaling
    from lossreg.experiment.network.interface import Network
    from lossreg.experiment.task.requirements import LossRequirements
    from lossreg.experiment.training.compatibility import MatchedLoss
    from lossreg.experiment.training.examples import Examples
    from lossreg.experiment.training.learned import LearnedInputs

HALF = 0.5

CHUNK_NUMBERS, MIN_CHUNK, MAX_CHUNK = 1 << 18, 64, 4096
"""How many input numbers are evaluated at a time, and the fewest and most examples, so that a chunk stays in cache."""


class Evaluator:
    """Evaluates networks by the trained loss, by reported losses under their labels, and by named metrics.

    `factors` are those of the terms of a weighted sum, by keys such as `loss.dice`, that of `objective` first; the
    other terms are among `others`.
    """

    def __init__(
        self,
        objective: Objective,
        others: dict[str, Objective] | None = None,
        metrics: Mapping[str, BoundMetric] | None = None,
        scaling: Scaling | None = None,
        factors: dict[str, float] | None = None,
    ) -> None:
        task, loss = objective.requirements.task, objective.criterion
        self.kind = metric_kind(task, any_width=objective.requirements.any_width)
        self.scaling = scaling
        self.metrics = usual_metrics(self.kind) if metrics is None else metrics
        self.factors = factors or {"loss": 1.0}
        self.objective = objective
        self.objectives = {next(iter(self.factors)): objective, **(others or {})}
        self.loss_of_each = (
            Criterion(loss.loss, "none", loss.parameters) if task.rows > 1 and self.kind != "none" else None
        )
        # 1 if larger predictions mean earlier events, and -1 otherwise, once that is known.
        self.risk_sign = 0
        # The weight of the mean of each chunk depends only on the targets, so it is computed once.
        self.weights: WeakKeyDictionary[Examples, dict[str, list[float]]] = WeakKeyDictionary()

    @classmethod
    def of(
        cls, config: Config, matched: MatchedLoss, learned: Sequence[LearnedInputs | None] | None = None
    ) -> Evaluator:
        """Make the evaluator of a config; `learned` are the learned inputs of the trained and each reported loss."""
        width, factors = matched.requirements.predictions_per_row, {}
        objectives: dict[str, Objective] = {}
        all_learned = learned or [None] * len(config.losses)
        for choice, each, own in zip(config.losses, matched.every, all_learned, strict=True):
            objective = Objective(choice.component, "mean", choice.parameters, each.requirements, width, own)
            trained = len(objectives) < len(config.terms)
            key = f"loss_{choice.label}" if not trained else f"loss.{choice.label}" if config.is_sum else "loss"
            objectives[key] = objective
            if trained:
                factors[key] = choice.settings.get("factor", 1.0)
        first = objectives.pop(next(iter(factors)))
        metrics = {each.label: BoundMetric(each.component, each.parameters) for each in config.metrics or ()}
        chosen = None if config.metrics is None else metrics
        return cls(first, objectives, chosen, matched.scaling, factors)

    def __call__(self, network: Network, examples: Examples) -> dict[str, float]:
        """Evaluate the network on all examples."""
        totals: dict[str, float] = defaultdict(float)
        weights = self.weights.setdefault(examples, defaultdict(list))
        collected: tuple[list[Any], list[Any]] = ([], [])
        for number, chunk in enumerate(self.chunks(network, examples)):
            for (key, objective), targets in zip(self.objectives.items(), chunk.targets, strict=True):
                given = (chunk.outputs, targets, chunk.beside)
                if number == len(weights[key]):
                    # The means of coupled samples have no common denominator: each chunk counts by its examples.
                    weights[key].append(chunk.size if objective.coupled else objective.denominator(*given))
                for name, value in {key: objective(*given), **objective.terms(*given, label=key)}.items():
                    totals[name] += float(value) * weights[key][number]
            truth, predictions = self.as_metrics_take_them(chunk.outputs, chunk.targets[0])
            if self.kind == "survival":
                self.risk_sign = self.risk_sign or risk_sign(self.objective, chunk)
                truth, predictions = truth.ravel(), self.risk_sign * predictions.ravel()
            if self.kind == "lists":
                truth, predictions = truth.ravel(), predictions.ravel()
            if self.metrics:
                collected[0].append(np.array(truth))
                collected[1].append(np.array(predictions))
        divisors = {key: sum(each) for key, each in weights.items()}
        means = {}
        for name, total in totals.items():
            divisor = divisors[max((key for key in divisors if name == key or name.startswith(f"{key}.")), key=len)]
            means[name] = total / divisor if divisor else 0.0
        metrics = {}
        if self.metrics:
            every, predicted = map(np.concatenate, collected)
            metrics = {name: metric(every, predicted, examples.beside) for name, metric in self.metrics.items()}
        loss = sum(factor * means[key] for key, factor in self.factors.items())
        means.pop("loss", None)
        return {"loss": loss, **metrics, **means}

    def chunks(self, network: Network, examples: Examples) -> Iterator[Chunk]:
        """The examples a chunk at a time; of coupled samples as many as possible, as they are compared."""
        coupled = any(objective.coupled for objective in self.objectives.values())
        return evaluated_chunks(network, examples, MAX_CHUNK if coupled else chunk_size(examples))

    def as_metrics_take_them(self, outputs: Any, targets: Any) -> tuple[Any, Any]:
        """Targets and predictions in the form of the metrics of this kind of target."""
        objective = self.objective
        requirements = objective.requirements
        if self.kind in {"none", "survival", "lists"}:
            return targets, outputs if self.kind == "none" else objective.predictions(outputs)[0]
        if self.loss_of_each is not None:
            return comparisons(self.loss_of_each, requirements, objective.predictions(outputs), targets)
        if self.kind == "regression":
            targets, predictions = targets.reshape(len(targets), -1), objective.real_values(outputs)
            if self.scaling:  # metrics and predictions have the units of the data
                targets, predictions = self.scaling.undo(targets), self.scaling.undo(predictions)
            return targets, predictions
        scores = objective.scores(outputs)
        if self.kind == "multilabel":
            return indicators(targets, scores.shape[1]), scores
        if self.kind == "multiclass":
            return targets if targets.ndim == 1 else targets.argmax(axis=1), scores
        return targets.ravel() > (HALF if requirements.task is Task.BINARY else 0), scores.ravel()


def undefined_metrics(record: Mapping[str, Any], splits: Mapping[str, Examples], names: Iterable[str]) -> list[str]:
    """Which of the named metrics are nan in the record of an epoch, and why."""
    found = []
    for split, examples in splits.items():
        undefined = [f"{split}_{name}" for name in names if np.isnan(record.get(f"{split}_{name}", 0.0))]
        if undefined:
            same = examples.targets is not None and len(np.unique(examples.targets, axis=0)) == 1
            reason = f", as the targets of all {split} rows are equal" if same else ""
            found.append(f"{listed(undefined)}: not defined{reason}; nan is recorded")
    return found


class Chunk(NamedTuple):
    """Some examples: the network's outputs, the targets of each loss, what losses get beside them, and how many."""

    outputs: Any
    targets: list[Any]
    beside: Mapping[str, Any]
    size: int


def risk_sign(objective: Objective, chunk: Chunk) -> int:
    """Whether a loss of survival makes the predictions of earlier events larger, 1, or smaller, -1."""
    grad = np.empty_like(chunk.outputs)
    objective.value_and_grad(np.zeros_like(chunk.outputs), chunk.targets[0], chunk.beside, out=grad)
    return 1 if harrell_concordance(chunk.targets[0].ravel(), chunk.beside["event"], -grad.ravel()) >= HALF else -1


def chunk_size(examples: Examples) -> int:
    """How many examples a chunk has, so that it stays in the processor's cache."""
    width: int = examples.inputs.shape[1]
    return min(max(CHUNK_NUMBERS // width, MIN_CHUNK), MAX_CHUNK)


def evaluated_chunks(network: Network, examples: Examples, size: int) -> Iterator[Chunk]:
    """The examples, at most `size` at a time or one group; the outputs are overwritten."""
    inputs = examples.inputs
    # Trees of earlier rounds are not computed again for rows that the network has been evaluated for.
    every = network.outputs(inputs) if isinstance(network, BoostedNetwork) else None

    def chunk_of(rows: slice, taken: Any, count: int) -> Chunk:
        """The chunk of some rows, whose inputs are taken."""
        outputs = network.forward(taken) if every is None else every[rows]
        return Chunk(outputs, *examples.at(rows, taken), count)

    if isinstance(inputs, GroupedRows):
        for first, last in group_chunks(inputs.bounds, size):
            rows = slice(inputs.bounds[first], inputs.bounds[last])
            yield chunk_of(rows, inputs.take(slice(first, last)), last - first)
        return
    size = min(size, len(examples))
    buffer = inputs.allocate(size)
    for start in range(0, len(examples), size):
        chunk = slice(start, start + size)
        index = inputs.index[chunk]
        yield chunk_of(chunk, inputs.take(chunk, buffer[: index.size]), len(index))


def group_chunks(bounds: Any, size: int) -> Iterator[tuple[int, int]]:
    """The first group of each chunk and the one behind its last; a chunk has at most `size` rows, or one group."""
    first = 0
    while first < len(bounds) - 1:
        last = max(int(np.searchsorted(bounds, bounds[first] + size, "right")) - 1, first + 1)
        yield first, last
        first = last


def indicators(targets: Any, classes: int) -> Any:
    """Whether each row has each class, from lists of classes padded with -1, or from numbers near 0 and 1."""
    if targets.dtype.kind == "f":
        return targets > HALF
    found = np.zeros((len(targets), classes + 1), np.bool_)
    np.put_along_axis(found, targets, values=True, axis=1)  # -1 sets the last column, which is dropped
    return found[:, :-1]


def comparisons(loss: Criterion, requirements: LossRequirements, predictions: list[Any], signs: Any) -> tuple[Any, Any]:
    """Whether the sign of each pair is 1 (as of any triplet), and how much larger the loss is for the opposite sign."""
    if requirements.target is None:
        anchor, positive, negative = predictions
        return np.ones(len(anchor), np.bool_), loss(anchor, negative, positive) - loss(*predictions)
    if_positive, if_negative = (loss(*predictions, np.full_like(signs, sign)) for sign in (1, -1))
    return signs.ravel() > 0, (if_negative - if_positive).ravel()
