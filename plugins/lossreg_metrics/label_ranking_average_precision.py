"""Label ranking average precision: for each class of a row, the share of its classes among those ranked as high.

Computed by `sklearn.metrics.label_ranking_average_precision_score`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, indicator_matrix, metric, scikit_learn_metric


@metric("multiclass", "multilabel", higher_is_better=True)
def label_ranking_average_precision(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric(
        "label_ranking_average_precision_score", indicator_matrix(targets, predictions), predictions
    )


@hookimpl
def lossreg_component() -> Metric:
    return label_ranking_average_precision
