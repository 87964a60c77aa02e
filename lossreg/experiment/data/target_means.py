"""Encode columns of many words by the mean target of each word, measured on training rows.

    mean(word) = (sum of the targets of its n rows + SMOOTHING * overall mean) / (n + SMOOTHING)

A training row must not see its own target: its encoding is measured on the training rows outside of its fold, of FOLDS.
All other rows have the mean over all training rows, and words that no training row has the overall mean.
Source: Micci-Barreca (2001), doi:10.1145/507533.507538; with folds as scikit-learn's TargetEncoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table

SMOOTHING, FOLDS = 10.0, 5
TWO_CLASSES = 2
KEYS = {"words", "means", "overall"}


def encode_by_target(table: Table, rows: NDArray[np.intp]) -> tuple[Any, dict[str, dict[str, Any]]]:
    """The inputs with the mean targets of the columns in `target_words`, and what encodes other rows.

    Raises InvalidInput for targets that are neither one column of numbers nor two classes.
    """
    if not table.target_words:
        return table.inputs, {}
    is_binary = len(table.classes) == TWO_CLASSES
    if table.second_view is not None or not (is_binary or (not table.classes and table.targets.shape[1] == 1)):
        name = next(iter(table.target_words))
        needs = "target_mean needs a single target, of numbers or two classes; hash takes any"
        raise InvalidInput(f"kinds: {name}: {needs}")
    targets = table.targets.reshape(-1).astype(np.float64)
    inputs, found, fold = table.inputs.copy(), {}, np.arange(len(rows)) % FOLDS
    for name, words in table.target_words.items():
        at = table.features.index(name)
        codes = table.inputs[:, at].astype(np.intp)
        means, overall = smoothed_means(codes[rows], targets[rows], len(words))
        inputs[:, at] = lookup(codes, means, overall)
        for number in range(FOLDS):
            others, own = rows[fold != number], rows[fold == number]
            if len(others) and len(own):
                inputs[own, at] = lookup(codes[own], *smoothed_means(codes[others], targets[others], len(words)))
        found[name] = {"words": list(words), "means": means.tolist(), "overall": overall}
    return inputs, found


def smoothed_means(codes: NDArray[np.intp], targets: NDArray[Any], count: int) -> tuple[NDArray[np.float64], float]:
    """The smoothed mean of the targets of each code, and of all; code -1 is that of a missing cell."""
    overall, known = float(targets.mean()), codes >= 0
    sums = np.bincount(codes[known], targets[known], count)
    rows = np.bincount(codes[known], minlength=count)
    return (sums + SMOOTHING * overall) / (rows + SMOOTHING), overall


def lookup(codes: NDArray[np.intp], means: Any, overall: float) -> NDArray[np.float64]:
    """The mean of each code, and the overall mean for -1."""
    return np.where(codes < 0, overall, np.asarray(means, np.float64)[codes])


def check_target_means(content: Mapping[str, Any]) -> None:
    """Raise InvalidInput for what is not the result of `encode_by_target`."""
    for name, each in content.items():
        is_valid = isinstance(each, dict) and {*each} == KEYS and isinstance(each["overall"], float)
        if not is_valid or not each["words"] or len(each["words"]) != len(each["means"]):
            raise InvalidInput(f"not the encoding of a run's data: the target means of {name!r}")
