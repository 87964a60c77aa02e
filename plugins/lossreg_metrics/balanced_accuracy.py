"""Balanced accuracy: the mean over classes of the fraction of their rows that are predicted correctly.

Computed by `sklearn.metrics.balanced_accuracy_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "multiclass", higher_is_better=True)
def balanced_accuracy(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("balanced_accuracy_score", targets, predicted_classes(targets, predictions))


@hookimpl
def lossreg_component() -> Metric:
    return balanced_accuracy
