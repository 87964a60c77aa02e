"""Recall: the fraction of the rows of a class that are predicted for it; of the second of two classes.

    tp / (tp + fn)    (tp, fp, fn: true positives, false positives, false negatives)

0 where it is 0 / 0.
Computed by `sklearn.metrics.recall_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "two_classes", higher_is_better=True)
def recall(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("recall_score", targets, predicted_classes(targets, predictions), zero_division=0)


@hookimpl
def lossreg_component() -> Metric:
    return recall
