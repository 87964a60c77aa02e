"""The metrics, by name: a few computed here, and scikit-learn's, each for the kinds of target that it can measure.

Targets and predictions have one of six kinds, and each metric measures some of them:

regression   real numbers
binary       truth values, and scores that are above 0 for true
multiclass   a class label for each row, and a score for each class
multilabel   a matrix of truth values, and a score for each class
survival     times beside events, and risks
lists        relevances of rows in groups, and scores

A metric named `..._macro`, `..._micro` or `..._weighted` is averaged over classes, as scikit-learn defines it.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from math import nan
from typing import TYPE_CHECKING, Any, NamedTuple

from lossreg.errors import nearest_name
from lossreg.experiment.task.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable

BUILT_IN = {
    "regression": ("r2", "mae", "rmse"),
    "binary": ("accuracy",),
    "multiclass": ("accuracy",),
    "multilabel": ("precision_at_1",),
    "survival": ("concordance",),
    "lists": ("ndcg",),
    "none": (),
}
"""The metrics that are computed here, batch by batch, and recorded unless a config names others."""
PREDICTED = ("regression", "binary", "multiclass", "multilabel")
"""The kinds of target that predictions are of; others are risks, scores or embeddings."""


class Metric(NamedTuple):
    """A function of scikit-learn, the kinds of target that it measures, and how it is called."""

    function: str
    kinds: tuple[str, ...]
    arguments: Callable[[Any, Any], tuple[Any, Any]]
    """targets, predictions -> the arguments of the function"""
    options: dict[str, Any] = {}  # noqa: RUF012  a default that is never changed

    def __call__(self, targets: Any, predictions: Any) -> float:
        """Compute the metric; nan where it is not defined, such as for rows that are all of one class."""
        from sklearn import metrics

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            with suppress(ValueError):
                return float(getattr(metrics, self.function)(*self.arguments(targets, predictions), **self.options))
        return nan


def predicted_classes(targets: Any, scores: Any) -> tuple[Any, Any]:
    """The predicted class of each row: the one with the highest score, or those with a score above 0."""
    return targets, scores.argmax(axis=1) if targets.ndim < scores.ndim else scores > 0


def score_of_second_class(targets: Any, scores: Any) -> tuple[Any, Any]:
    """The score of the second of two classes, relative to the first."""
    return targets, scores[:, 1] - scores[:, 0] if scores.ndim > 1 else scores


def probabilities(targets: Any, scores: Any) -> tuple[Any, Any]:
    """The softmax of the scores."""
    import numpy as np

    weights = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return targets, weights / weights.sum(axis=1, keepdims=True)


def indicator_matrix(targets: Any, scores: Any) -> tuple[Any, Any]:
    """The targets as a matrix of 0 and 1, with a column for each class."""
    import numpy as np

    indicator = targets if targets.ndim > 1 else np.arange(scores.shape[1]) == targets[:, np.newaxis]
    return indicator.astype(int), scores


def unchanged(targets: Any, predictions: Any) -> tuple[Any, Any]:
    """Targets and predictions as they are."""
    return targets, predictions


TWO_CLASSES = 2
OF_TWO, OF_MORE = "multiclass of two classes", "multiclass of more classes"
ONE_LABEL, PER_CLASS = ("binary", "multiclass"), ("multiclass", "multilabel")
ANY_CLASSES, EITHER_OR = ("binary", "multiclass", "multilabel"), ("binary", OF_TWO)

METRICS: dict[str, Metric] = {
    "average_precision": Metric("average_precision_score", EITHER_OR, score_of_second_class),
    "balanced_accuracy": Metric("balanced_accuracy_score", ONE_LABEL, predicted_classes),
    "cohen_kappa": Metric("cohen_kappa_score", ONE_LABEL, predicted_classes),
    "coverage_error": Metric("coverage_error", PER_CLASS, indicator_matrix),
    "explained_variance": Metric("explained_variance_score", ("regression",), unchanged),
    "label_ranking_average_precision": Metric("label_ranking_average_precision_score", PER_CLASS, indicator_matrix),
    "label_ranking_loss": Metric("label_ranking_loss", PER_CLASS, indicator_matrix),
    "matthews_corrcoef": Metric("matthews_corrcoef", ONE_LABEL, predicted_classes),
    "mean_absolute_percentage_error": Metric("mean_absolute_percentage_error", ("regression",), unchanged),
    "mean_squared_error": Metric("mean_squared_error", ("regression",), unchanged),
    "median_absolute_error": Metric("median_absolute_error", ("regression",), unchanged),
    "ndcg": Metric("ndcg_score", PER_CLASS, indicator_matrix),
    "roc_auc": Metric("roc_auc_score", EITHER_OR, score_of_second_class),
    "roc_auc_ovo": Metric("roc_auc_score", (OF_MORE,), probabilities, {"multi_class": "ovo"}),
    "roc_auc_ovr": Metric("roc_auc_score", (OF_MORE,), probabilities, {"multi_class": "ovr"}),
}
for _name in ("f1", "jaccard", "precision", "recall"):
    METRICS[_name] = Metric(f"{_name}_score", EITHER_OR, predicted_classes, {"zero_division": 0})
    for _average in ("macro", "micro", "weighted"):
        _options = {"zero_division": 0, "average": _average}
        METRICS[f"{_name}_{_average}"] = Metric(f"{_name}_score", ANY_CLASSES, predicted_classes, _options)

OTHER_NAMES = {metric.function: name for name, metric in reversed(METRICS.items()) if not metric.options.get("average")}
OTHER_NAMES |= {"accuracy_score": "accuracy", "mean_absolute_error": "mae", "r2_score": "r2"}
OTHER_NAMES |= {"root_mean_squared_error": "rmse"}
"""The names of scikit-learn for the metrics, for suggestions."""

METRIC_NAMES = sorted({*METRICS, *(name for names in BUILT_IN.values() for name in names)})


def unknown_metric(name: Any) -> str:
    """The problem with a name that no metric has: the metric that is probably meant, and all names.

    scikit-learn's names are understood: those of its functions, and those of its scorers, which begin with `neg_`.
    """
    plain = str(name).removeprefix("neg_")
    if plain == "log_loss":
        return f"there is no metric {name!r}; report: [cross_entropy] records this loss beside the trained one"
    meant = OTHER_NAMES.get(plain) or (plain if plain in METRIC_NAMES else nearest_name(str(name), METRIC_NAMES))
    hint = f"; did you mean {meant!r}?" if meant else ""
    return f"there is no metric {name!r}{hint}; the metrics are {', '.join(METRIC_NAMES)}"


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


def suitable_metrics(task: Task, width: int | None, *, any_width: bool = False) -> list[str]:
    """The names of the metrics for a task, and predictions of a width."""
    kinds = {metric_kind(task, any_width=any_width)}
    if "multiclass" in kinds:
        kinds.add(OF_TWO if width == TWO_CLASSES else OF_MORE)
    built_in = {name for kind in kinds for name in BUILT_IN.get(kind, ())}
    return sorted(built_in | {name for name, metric in METRICS.items() if kinds & {*metric.kinds}})
