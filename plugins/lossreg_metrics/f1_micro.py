"""F1: the harmonic mean of precision and recall; of all classes together.

    2 tp / (2 tp + fp + fn)    (tp, fp, fn: true positives, false positives, false negatives)

0 where it is 0 / 0.
Computed by `sklearn.metrics.f1_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "multiclass", "multilabel", higher_is_better=True)
def f1_micro(targets: Any, predictions: Any) -> float:
    predicted = predicted_classes(targets, predictions)
    return scikit_learn_metric("f1_score", targets, predicted, average="micro", zero_division=0)


@hookimpl
def lossreg_component() -> Metric:
    return f1_micro
