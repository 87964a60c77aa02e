"""Outcomes: a run's predictions as the page shows them, a confusion matrix for classes and residuals for numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.experiment.extras import optional_imports
from lossreg.experiment.runner.predictions import read

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

CLASSES = 30  # a larger matrix is a list of the most frequent confusions
CONFUSIONS = 25
DOTS = 500
BINS = 31
COLUMNS = 6


def outcome(path: Path) -> dict[str, Any] | None:
    """What a run's directory says about the rows to test on; None if it has no predictions."""
    with optional_imports():
        found = read(path)
    if found is None or not len(found.target):
        return None
    if found.classes:
        return confusion(found.prediction, found.target, found.classes)
    columns = range(min(found.target.shape[1], found.prediction.shape[1], COLUMNS))
    return {"residuals": [residuals(found.prediction[:, index], found.target[:, index]) for index in columns]}


def confusion(prediction: NDArray[Any], target: NDArray[Any], classes: tuple[str, ...]) -> dict[str, Any]:
    """How often each class (a row) was taken for each (a column)."""
    size = len(classes)
    wrong = target != prediction
    result: dict[str, Any] = {"rows": len(target), "right": int((~wrong).sum())}
    prediction, target = prediction.astype(np.int64), target.astype(np.int64)
    if size <= CLASSES:
        counts = np.bincount(target * size + prediction, minlength=size * size).reshape(size, size)
        return {**result, "classes": list(classes), "counts": counts.tolist()}
    pairs, times = np.unique(target[wrong] * size + prediction[wrong], return_counts=True)
    most = np.argsort(-times, kind="stable")[:CONFUSIONS]
    named = ((*divmod(int(pairs[index]), size), int(times[index])) for index in most)
    return {**result, "confusions": [[classes[true], classes[taken], count] for true, taken, count in named]}


def residuals(prediction: NDArray[Any], target: NDArray[Any]) -> dict[str, Any]:
    """By how much the predictions are off: points of a sample, a histogram of all, mean and deviation."""
    prediction, target = (array.astype(np.float64) for array in (prediction, target))
    error = prediction - target
    finite = np.isfinite(error)
    result: dict[str, Any] = {"rows": len(error), "lost": int((~finite).sum())}
    if not finite.any():
        return result
    prediction, error = prediction[finite], error[finite]
    sample = np.unique(np.linspace(0, len(error) - 1, min(DOTS, len(error))).astype(int))
    counts, edges = np.histogram(error, bins=min(BINS, max(5, int(np.sqrt(len(error))))))
    return {
        **result,
        "mean": short(error.mean()),
        "deviation": short(error.std()),
        "prediction": [short(value) for value in prediction[sample]],
        "error": [short(value) for value in error[sample]],
        "edges": [short(value) for value in edges],
        "counts": counts.tolist(),
    }


def short(value: Any) -> float:
    """A number to five digits."""
    return float(f"{float(value):.5g}")
