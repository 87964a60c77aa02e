"""Mean squared error of real targets.

    mean_i (prediction_i - target_i)^2
Computed by `sklearn.metrics.mean_squared_error`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, scikit_learn_metric


@metric("regression", higher_is_better=False)
def mean_squared_error(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("mean_squared_error", targets, predictions)


@hookimpl
def lossreg_component() -> Metric:
    return mean_squared_error
