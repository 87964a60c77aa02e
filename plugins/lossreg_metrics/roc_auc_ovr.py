"""Area under the ROC curve of three or more classes: the mean of each class against all others.

Computed by `sklearn.metrics.roc_auc_score`.
"""

from typing import Any

from lossreg.plugin import Metric, class_probabilities, hookimpl, metric, scikit_learn_metric


@metric("more_classes", higher_is_better=True)
def roc_auc_ovr(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("roc_auc_score", targets, class_probabilities(predictions), multi_class="ovr")


@hookimpl
def lossreg_component() -> Metric:
    return roc_auc_ovr
