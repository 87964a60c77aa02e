"""Recall: the fraction of the rows of a class that are predicted for it; the mean over classes.

    tp / (tp + fn)    (tp, fp, fn: true positives, false positives, false negatives)

0 where it is 0 / 0.
Computed by `sklearn.metrics.recall_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "multiclass", "multilabel", higher_is_better=True)
def recall_macro(targets: Any, predictions: Any) -> float:
    predicted = predicted_classes(targets, predictions)
    return scikit_learn_metric("recall_score", targets, predicted, average="macro", zero_division=0)


@hookimpl
def lossreg_component() -> Metric:
    return recall_macro
