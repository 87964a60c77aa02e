"""Area under the ROC curve: the probability that a row of the second class has a higher score than one of the first.

Computed by `sklearn.metrics.roc_auc_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, scikit_learn_metric, score_of_second_class


@metric("binary", "two_classes", higher_is_better=True)
def roc_auc(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("roc_auc_score", targets, score_of_second_class(predictions))


@hookimpl
def lossreg_component() -> Metric:
    return roc_auc
