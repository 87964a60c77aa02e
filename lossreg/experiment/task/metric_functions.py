"""Functions for authors of metrics: predictions in the forms that metrics take, and the metrics of scikit-learn."""

from __future__ import annotations

import warnings
from contextlib import suppress
from math import nan
from typing import Any

import numpy as np


def predicted_classes(targets: Any, scores: Any) -> Any:
    """The predicted class of each row: the one with the highest score, or for several labels those with one above 0."""
    return scores.argmax(axis=1) if targets.ndim < scores.ndim else scores > 0


def score_of_second_class(scores: Any) -> Any:
    """The score of the second of two classes, relative to the first."""
    return scores[:, 1] - scores[:, 0] if scores.ndim > 1 else scores


def class_probabilities(scores: Any) -> Any:
    """The softmax of the scores of classes."""
    weights = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def indicator_matrix(targets: Any, scores: Any) -> Any:
    """Classes, or several labels, as a matrix of 0 and 1 with a column for each class."""
    return (targets if targets.ndim > 1 else np.arange(scores.shape[1]) == targets[:, np.newaxis]).astype(int)


def scikit_learn_metric(name: str, targets: Any, predictions: Any, **options: Any) -> float:
    """A metric of scikit-learn; nan where it is not defined, such as for rows that are all of one class."""
    from sklearn import metrics

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        with suppress(ValueError):
            return float(getattr(metrics, name)(targets, predictions, **options))
    return nan
