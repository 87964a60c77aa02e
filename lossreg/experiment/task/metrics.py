"""Metrics by name: scikit-learn's, each with what it compares and the tasks that have that.

What a network gives and what is true come in one of three forms, and so do the metrics:

values       real numbers, of both
two classes  truth values, and scores above 0 for true
classes      the label of each row (or a matrix of truth values, where a row has several), and a score for each class

A metric named `..._macro`, `_micro` or `_weighted` is the average over classes that scikit-learn calls so.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from lossreg.experiment.task.requirements import Task

if TYPE_CHECKING:
    from collections.abc import Callable

FORMS = {
    Task.REAL: "values",
    Task.LABELS: "classes",
    Task.DISTRIBUTIONS: "classes",
    Task.SEVERAL: "several classes",
}
"""The form in which a task's truth and estimates come; of other tasks it is two classes."""

OWN = {
    "values": ("r2", "mae", "rmse"),
    "two classes": ("accuracy",),
    "classes": ("accuracy",),
    "several classes": ("precision_at_1",),
}
"""The metrics that are computed here, batch by batch, and reported unless others are named."""


class Metric(NamedTuple):
    """One of scikit-learn's functions, how to call it, and the forms that it takes."""

    function: str
    forms: tuple[str, ...]
    arguments: Callable[[Any, Any], tuple[Any, Any]]
    """(truth, estimate) -> what the function takes"""
    options: dict[str, Any] = {}  # noqa: RUF012  a default that nobody changes

    def __call__(self, truth: Any, estimate: Any) -> float:
        """The metric; nan where it is not defined, such as for rows of one class."""
        from sklearn import metrics

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            with suppress(ValueError):
                return float(getattr(metrics, self.function)(*self.arguments(truth, estimate), **self.options))
        return nan


def decisions(truth: Any, estimate: Any) -> tuple[Any, Any]:
    """The class of each row: the one with the largest score, or those with a score above 0."""
    return truth, estimate.argmax(axis=1) if truth.ndim < estimate.ndim else estimate > 0


def scores(truth: Any, estimate: Any) -> tuple[Any, Any]:
    """The score of the second of two classes."""
    return truth, estimate[:, 1] - estimate[:, 0] if estimate.ndim > 1 else estimate


def shares(truth: Any, estimate: Any) -> tuple[Any, Any]:
    """The scores of the classes as probabilities."""
    import numpy as np

    weights = np.exp(estimate.astype(np.float64) - estimate.max(axis=1, keepdims=True))
    return truth, weights / weights.sum(axis=1, keepdims=True)


def ranks(truth: Any, estimate: Any) -> tuple[Any, Any]:
    """A matrix of truth values, and one of scores."""
    import numpy as np

    member = truth if truth.ndim > 1 else np.arange(estimate.shape[1]) == truth[:, np.newaxis]
    return member.astype(int), estimate


def values(truth: Any, estimate: Any) -> tuple[Any, Any]:
    """The numbers as they are."""
    return truth, estimate


TWO = 2
ANY = ("two classes", "classes", "several classes")
SINGLE, MATRIX, BINARY = ("two classes", "classes"), ("classes", "several classes"), ("two classes", "two of classes")
"""What has one class for each row; what has a score for each class; what has two classes, however scored."""

METRICS: dict[str, Metric] = {
    "average_precision": Metric("average_precision_score", BINARY, scores),
    "balanced_accuracy": Metric("balanced_accuracy_score", SINGLE, decisions),
    "cohen_kappa": Metric("cohen_kappa_score", SINGLE, decisions),
    "coverage_error": Metric("coverage_error", MATRIX, ranks),
    "explained_variance": Metric("explained_variance_score", ("values",), values),
    "label_ranking_average_precision": Metric("label_ranking_average_precision_score", MATRIX, ranks),
    "label_ranking_loss": Metric("label_ranking_loss", MATRIX, ranks),
    "matthews_corrcoef": Metric("matthews_corrcoef", SINGLE, decisions),
    "mean_absolute_percentage_error": Metric("mean_absolute_percentage_error", ("values",), values),
    "mean_squared_error": Metric("mean_squared_error", ("values",), values),
    "median_absolute_error": Metric("median_absolute_error", ("values",), values),
    "ndcg": Metric("ndcg_score", MATRIX, ranks),
    "roc_auc": Metric("roc_auc_score", BINARY, scores),
    "roc_auc_ovo": Metric("roc_auc_score", ("many of classes",), shares, {"multi_class": "ovo"}),
    "roc_auc_ovr": Metric("roc_auc_score", ("many of classes",), shares, {"multi_class": "ovr"}),
}
for _name in ("f1", "jaccard", "precision", "recall"):
    METRICS[_name] = Metric(f"{_name}_score", BINARY, decisions, {"zero_division": 0})
    for _average in ("macro", "micro", "weighted"):
        _options = {"zero_division": 0, "average": _average}
        METRICS[f"{_name}_{_average}"] = Metric(f"{_name}_score", ANY, decisions, _options)

NAMES = sorted({*METRICS, *(name for names in OWN.values() for name in names)})


def suitable(task: Task, width: int | None) -> list[str]:
    """The names of the metrics of a task, whose predictions have a width."""
    forms = {FORMS.get(task, "two classes")}
    if "classes" in forms:
        forms.add("two of classes" if width == TWO else "many of classes")
    own = {name for form in forms for name in OWN.get(form, ())}
    return sorted(own | {name for name, metric in METRICS.items() if forms & {*metric.forms}})
