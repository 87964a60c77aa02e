"""Label ranking loss: the fraction of pairs of classes, one of the row and one not, that are ordered wrongly.

Computed by `sklearn.metrics.label_ranking_loss`.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, indicator_matrix, metric, scikit_learn_metric


@metric("multiclass", "multilabel", higher_is_better=False)
def label_ranking_loss(targets: Any, predictions: Any) -> float:
    return scikit_learn_metric("label_ranking_loss", indicator_matrix(targets, predictions), predictions)


@hookimpl
def lossreg_component() -> Metric:
    return label_ranking_loss
