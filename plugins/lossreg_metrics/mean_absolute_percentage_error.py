"""Mean absolute percentage error of real targets, as a fraction.

    mean_i |prediction_i - target_i| / max(|target_i|, epsilon)
Computed by `sklearn.metrics.mean_absolute_percentage_error`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, scikit_learn_metric


@metric("regression", higher_is_better=False)
def mean_absolute_percentage_error(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("mean_absolute_percentage_error", targets, predictions)


@hookimpl
def lossreg_component() -> Metric:
    return mean_absolute_percentage_error
