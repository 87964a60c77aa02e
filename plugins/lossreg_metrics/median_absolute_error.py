"""Median absolute error of real targets.

    median_i |prediction_i - target_i|
Computed by `sklearn.metrics.median_absolute_error`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, scikit_learn_metric


@metric("regression", higher_is_better=False)
def median_absolute_error(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("median_absolute_error", targets, predictions)


@hookimpl
def lossreg_component() -> Metric:
    return median_absolute_error
