"""Coverage error: how far down the ranked classes one has to go, on average, to find all of a row.

Computed by `sklearn.metrics.coverage_error`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, indicator_matrix, metric, scikit_learn_metric


@metric("multiclass", "multilabel", higher_is_better=False)
def coverage_error(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("coverage_error", indicator_matrix(targets, predictions), predictions)


@hookimpl
def lossreg_component() -> Metric:
    return coverage_error
