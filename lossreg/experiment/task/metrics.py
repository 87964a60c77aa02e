"""Which metrics measure which targets: the kinds of target, the usual metrics of each, and metrics with parameters.

Metrics are plugins, which declare the kinds of target that they measure; `lossreg.definition.component` lists these.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from lossreg.errors import BrokenPlugin, LossregError, UnknownName
from lossreg.experiment.task.tasks import Task
from lossreg.registry.isolation import usable
from lossreg.registry.registries import metrics

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.definition.component import Metric

USUAL = {
    "regression": ("r2", "mae", "rmse"),
    "binary": ("accuracy",),
    "multiclass": ("accuracy",),
    "multilabel": ("precision_at_1",),
    "survival": ("concordance",),
    "lists": ("ndcg",),
    "none": (),
}
"""The metrics that are recorded unless a config names others."""
PREDICTED = ("regression", "binary", "multiclass", "multilabel")
"""The kinds of target that predictions are of; others are risks, scores or embeddings."""
TWO_CLASSES = 2


class BoundMetric:
    """A metric with its parameters."""

    def __init__(self, component: Metric, parameters: Mapping[str, Any] | None = None) -> None:
        self.component = component
        self.parameters = component.bind({}) if parameters is None else parameters

    def __call__(self, targets: Any, predictions: Any, beside: Mapping[str, Any]) -> float:
        """Compute it; `beside` has the groups or events. Raises BrokenPlugin if it fails or returns no number."""
        name = self.component.name
        given = {"targets": targets, "predictions": predictions, **beside}
        try:
            return float(self.component.function(*map(given.get, self.component.supplied), **self.parameters))
        except LossregError:
            raise
        except Exception as error:
            raise BrokenPlugin(f"metric {name!r} fails: {type(error).__name__}: {error}") from error


def usual_metrics(kind: str) -> dict[str, BoundMetric]:
    """The usual metrics of a kind of target, by name."""
    return {name: BoundMetric(metrics.get(name)) for name in USUAL[kind]}


def scorer_problem(name: str) -> str:
    """The problem with the name of one of scikit-learn's scorers that is no metric here; nothing for other names."""
    plain = name.removeprefix("neg_")
    if plain == "log_loss":
        return f"there is no metric {name!r}; report: [cross_entropy] records this loss beside the trained one"
    if plain == name:
        return ""
    with suppress(UnknownName):
        plain = metrics.find(plain).name
    return f"there is no metric {name!r}; did you mean {plain!r}? Errors are recorded as they are, without a sign"


def metric_kind(task: Task, *, any_width: bool = False) -> str:
    """The kind of target that the metrics of a task measure; losses that compare rows are binary: right or wrong.

    No metric measures what is neither classes nor numbers, or the embeddings of a loss of classes: their kind is none.
    """
    if any_width and task is Task.CLASSIFICATION:
        return "none"
    kinds = {
        Task.VIEWS: "none",
        Task.LISTS: "lists",
        Task.SURVIVAL: "survival",
        Task.REGRESSION: "regression",
        Task.CLASSIFICATION: "multiclass",
        Task.DISTRIBUTION: "multiclass",
        Task.MULTILABEL: "multilabel",
    }
    return kinds.get(task, "binary")


def is_suitable(metric: Metric, kind: str, width: int | None) -> bool:
    """Whether a metric measures a kind of target, and predictions of a width."""
    number = {TWO_CLASSES: "two_classes"}.get(width or 0, "more_classes")
    return kind in metric.kinds or (kind == "multiclass" and number in metric.kinds)


def suitable_metrics(kind: str, width: int | None) -> list[str]:
    """The names of the installed metrics for a kind of target, and predictions of a width."""
    return sorted(offer.name for offer, metric in usable(metrics) if is_suitable(metric, kind, width))
