"""R2: how much of the variation of real targets is explained.

    1 - sum_i (prediction_i - target_i)^2 / sum_i (target_i - mean)^2

Of several columns it is the mean over those that vary, and nan if none does. The sums are taken relative to the first
row: their squares lose no digits, and those of a constant are 0.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric


@metric("regression", higher_is_better=True)
def r2(targets: Any, predictions: Any) -> float:
    import numpy as np

    errors = np.square(predictions.astype(np.float64) - targets).sum(axis=0)
    shifted = targets - targets[0].astype(np.float64)
    squares = np.square(shifted).sum(axis=0)
    variation = squares - np.square(shifted.sum(axis=0)) / len(targets)
    varies = squares > 0
    return float((1 - errors[varies] / variation[varies]).mean()) if varies.any() else float("nan")


@hookimpl
def lossreg_component() -> Metric:
    return r2
