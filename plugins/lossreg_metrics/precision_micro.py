"""Precision: the fraction of the rows predicted for a class that have it; of all classes together.

    tp / (tp + fp)    (tp, fp, fn: true positives, false positives, false negatives)

0 where it is 0 / 0.
Computed by `sklearn.metrics.precision_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "multiclass", "multilabel", higher_is_better=True)
def precision_micro(targets: Any, predictions: Any) -> float:
    predicted = predicted_classes(targets, predictions)
    return scikit_learn_metric("precision_score", targets, predicted, average="micro", zero_division=0)


@hookimpl
def lossreg_component() -> Metric:
    return precision_micro
