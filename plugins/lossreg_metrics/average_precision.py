"""Average precision of the second of two classes.

    sum_k (recall_k - recall_(k-1)) precision_k,    over the thresholds k of the score
Computed by `sklearn.metrics.average_precision_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, scikit_learn_metric, score_of_second_class


@metric("binary", "two_classes", higher_is_better=True)
def average_precision(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("average_precision_score", targets, score_of_second_class(predictions))


@hookimpl
def lossreg_component() -> Metric:
    return average_precision
