"""Preprocess the inputs of a table, as measured on its training rows: replace missing values, and standardise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.experiment.data.target_means import encode_by_target

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.data.table import Table

CHUNK = 1024
"""How many rows are measured at a time: enough to keep the processor busy, few enough to stay in its cache."""


class Scaling(NamedTuple):
    """The mean and the standard deviation of each column; calling it standardises rows."""

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, table: Any, rows: NDArray[np.intp]) -> Scaling:
        """Measure some rows; the deviation of a constant column is infinite, so that it is scaled to 0."""
        chunks = [rows[start : start + CHUNK] for start in range(0, len(rows), CHUNK)]
        mean = sum(table[chunk].sum(axis=0, dtype=np.float64) for chunk in chunks) / len(rows)
        squares = sum(np.square(table[chunk] - mean).sum(axis=0) for chunk in chunks)
        first = table[rows[0]]
        varies = np.any([(table[chunk] != first).any(axis=0) for chunk in chunks], axis=0)
        return cls(mean, np.where(varies, np.sqrt(squares / len(rows)), np.inf))

    def to_json(self) -> dict[str, list[float | None]]:
        """Mean and deviation as JSON values; null is the deviation of a column that is scaled to 0."""
        mean, deviation = (np.atleast_1d(x).tolist() for x in self)  # targets of one number have no columns
        return {"mean": mean, "deviation": [None if np.isinf(each) else each for each in deviation]}

    @classmethod
    def from_json(cls, content: dict[str, list[float | None]]) -> Scaling:
        """The scaling that `to_json` gave."""
        deviation = [np.inf if each is None else each for each in content["deviation"]]
        return cls(np.array(content["mean"]), np.array(deviation))

    def undo(self, rows: Any) -> Any:
        """Multiply by the deviation and add the mean, column by column; a constant column has its mean."""
        return rows * np.where(np.isinf(self.deviation), 0.0, self.deviation) + self.mean

    def __call__(self, rows: Any) -> Any:
        """Subtract the mean and divide by the deviation, column by column."""
        return (rows - self.mean) / self.deviation


class PreparedInputs(NamedTuple):
    """The inputs of a table, the scaling still to be applied to each batch, and what was measured."""

    inputs: Any
    batch_scaling: Scaling | None
    fill: NDArray[np.float64] | None
    """What replaces a missing value of each column."""
    scaling: Scaling | None
    target_means: dict[str, dict[str, Any]]
    """What encodes the words of columns by their mean targets."""


def prepare_inputs(table: Table, rows: NDArray[np.intp], *, standardise: bool) -> PreparedInputs:
    """Encode words by their mean targets, replace missing values and standardise, as measured on the training rows.

    Inputs in memory are converted to float32 here; those of a memory-mapped file are left alone and scaled in batches.
    """
    (inputs, means), fill = encode_by_target(table, rows), None
    if table.second_view is not None:  # behind the first, and scaled as that is
        inputs = np.concatenate([inputs, table.second_view])
    if table.impute_missing:
        known = ~np.isnan(inputs[rows])
        fill = np.where(known, inputs[rows], 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
        inputs = np.where(np.isnan(inputs), fill, inputs)
    scaling = Scaling.of(inputs, rows) if standardise else None
    if isinstance(inputs, np.memmap):
        return PreparedInputs(inputs, scaling, fill, scaling, means)
    scaled = np.empty(inputs.shape, np.float32)
    for start in range(0, len(inputs), CHUNK):
        chunk = slice(start, start + CHUNK)
        scaled[chunk] = scaling(inputs[chunk]) if scaling else inputs[chunk]
    return PreparedInputs(scaled, None, fill, scaling, means)
