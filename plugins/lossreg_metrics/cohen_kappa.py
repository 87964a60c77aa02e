"""Cohen's kappa: the accuracy relative to that of chance.

    (accuracy - expected) / (1 - expected)
Computed by `sklearn.metrics.cohen_kappa_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes, scikit_learn_metric


@metric("binary", "multiclass", higher_is_better=True)
def cohen_kappa(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("cohen_kappa_score", targets, predicted_classes(targets, predictions))


@hookimpl
def lossreg_component() -> Metric:
    return cohen_kappa
