"""Matthews correlation coefficient: the correlation of true and predicted classes.

Computed by `sklearn.metrics.matthews_corrcoef`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "multiclass", higher_is_better=True)
def matthews_corrcoef(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("matthews_corrcoef", targets, predicted_classes(targets, predictions))


@hookimpl
def lossreg_component() -> Metric:
    return matthews_corrcoef
