"""Summarise the predictions of a run for the page: a confusion matrix of classes, or the residuals of real numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.experiment.runner.predictions import read
from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

MAX_CLASSES = 30  # for more classes, the most frequent confusions are listed
MAX_CONFUSIONS = 25
MAX_POINTS = 500
MAX_BINS = 31
MAX_COLUMNS = 6


def prediction_summary(path: Path) -> dict[str, Any] | None:
    """The summary of the predictions in the directory of a run, or None; raises Unreadable for a damaged file."""
    with optional_imports():
        found = read(path)
    if found is None or not len(found.target):
        return None
    if found.classes:
        return confusion(found.prediction, found.target, found.classes)
    columns = range(min(found.target.shape[1], found.prediction.shape[1], MAX_COLUMNS))
    return {"residuals": [residuals(found.prediction[:, index], found.target[:, index]) for index in columns]}


def confusion(prediction: NDArray[Any], target: NDArray[Any], classes: tuple[str, ...]) -> dict[str, Any]:
    """The confusion matrix, with a row for each true class and a column for each predicted one."""
    size = len(classes)
    wrong = target != prediction
    result: dict[str, Any] = {"rows": len(target), "correct": int((~wrong).sum())}
    prediction, target = prediction.astype(np.int64), target.astype(np.int64)
    if size <= MAX_CLASSES:
        counts = np.bincount(target * size + prediction, minlength=size * size).reshape(size, size)
        return {**result, "classes": list(classes), "counts": counts.tolist()}
    pairs, times = np.unique(target[wrong] * size + prediction[wrong], return_counts=True)
    most_frequent = np.argsort(-times, kind="stable")[:MAX_CONFUSIONS]
    named = ((*divmod(int(pairs[index]), size), int(times[index])) for index in most_frequent)
    return {**result, "confusions": [[classes[true], classes[predicted], count] for true, predicted, count in named]}


def residuals(prediction: NDArray[Any], target: NDArray[Any]) -> dict[str, Any]:
    """The residuals of a column: their mean and standard deviation, a histogram, and the points of a sample."""
    prediction, target = (array.astype(np.float64) for array in (prediction, target))
    error = prediction - target
    finite = np.isfinite(error)
    result: dict[str, Any] = {"rows": len(error), "not_finite": int((~finite).sum())}
    if not finite.any():
        return result
    prediction, error = prediction[finite], error[finite]
    sample = np.unique(np.linspace(0, len(error) - 1, min(MAX_POINTS, len(error))).astype(int))
    counts, edges = np.histogram(error, bins=min(MAX_BINS, max(5, int(np.sqrt(len(error))))))
    return {
        **result,
        "mean": rounded(error.mean()),
        "deviation": rounded(error.std()),
        "prediction": [rounded(value) for value in prediction[sample]],
        "error": [rounded(value) for value in error[sample]],
        "edges": [rounded(value) for value in edges],
        "counts": counts.tolist(),
    }


def rounded(value: Any) -> float:
    """A number with five digits."""
    return float(f"{float(value):.5g}")
