"""The nearest neighbours of rows: what the targets of similar rows say about the target of a row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COUNT = 7
"""How many neighbours a row is compared with."""
MOST_ROWS = 2000
"""How many rows are looked at, drawn at random from more."""


def sample(rows: int) -> NDArray[np.intp]:
    """Return the positions of the rows that are looked at, always the same ones."""
    if rows <= MOST_ROWS:
        return np.arange(rows)
    return np.sort(np.random.default_rng(0).choice(rows, MOST_ROWS, replace=False))


def nearest(inputs: NDArray[Any]) -> NDArray[np.intp]:
    """Return for each row the positions of its nearest others; columns have equal weight, missing cells their mean."""
    rows = np.asarray(inputs, np.float64)
    known = np.isfinite(rows)
    mean = np.where(known, rows, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    rows = np.where(known, rows, mean) - mean
    deviation = rows.std(axis=0)
    rows = rows / np.where(deviation > 0, deviation, 1.0)
    squares = (rows**2).sum(axis=1)
    distances = squares[:, np.newaxis] + squares - 2 * rows @ rows.T
    np.fill_diagonal(distances, np.inf)
    count = min(COUNT, len(rows) - 1)
    return np.argpartition(distances, count - 1, axis=1)[:, :count]
