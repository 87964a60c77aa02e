"""Accuracy: the fraction of rows whose class is predicted, or of pairs and triplets whose order is.

The predicted class is that of the highest score, or for one score true if it is above 0.
"""

from typing import Any

from lossreg.plugin import Metric, hookimpl, metric, predicted_classes


@metric("binary", "multiclass", higher_is_better=True)
def accuracy(targets: Any, predictions: Any) -> float:
    return float((predicted_classes(targets, predictions) == targets).mean())


@hookimpl
def lossreg_component() -> Metric:
    return accuracy
