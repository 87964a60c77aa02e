"""Mean absolute error of real targets, over all rows and columns.

mean_i |prediction_i - target_i|
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric


@metric("regression", higher_is_better=False)
def mae(targets: Any, predictions: Any) -> float:
    import numpy as np

    return float(np.abs(predictions.astype(np.float64) - targets).mean())


@hookimpl
def lossreg_component() -> Metric:
    return mae
