"""Explained variance of real targets: like R2, without the mean error.

    1 - Var(target - prediction) / Var(target)
Computed by `sklearn.metrics.explained_variance_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, scikit_learn_metric


@metric("regression", higher_is_better=True)
def explained_variance(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("explained_variance_score", targets, predictions)


@hookimpl
def lossreg_component() -> Metric:
    return explained_variance
