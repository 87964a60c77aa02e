"""Root of the mean squared error of real targets, over all rows and columns.

sqrt(mean_i (prediction_i - target_i)^2)
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric


@metric("regression", higher_is_better=False)
def rmse(targets: Any, predictions: Any) -> float:
    import numpy as np

    return float(np.sqrt(np.square(predictions.astype(np.float64) - targets).mean()))


@hookimpl
def lossreg_component() -> Metric:
    return rmse
