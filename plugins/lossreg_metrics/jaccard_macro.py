"""Jaccard index: predicted and true rows in both, of those in either; the mean over classes.

    tp / (tp + fp + fn)    (tp, fp, fn: true positives, false positives, false negatives)

0 where it is 0 / 0.
Computed by `sklearn.metrics.jaccard_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "multiclass", "multilabel", higher_is_better=True)
def jaccard_macro(targets: Any, predictions: Any) -> float:
    predicted = predicted_classes(targets, predictions)
    return scikit_learn_metric("jaccard_score", targets, predicted, average="macro", zero_division=0)


@hookimpl
def lossreg_component() -> Metric:
    return jaccard_macro
