"""The encoding of a run's data: how rows of a file become inputs of the network, and its outputs numbers or classes.

A run keeps it in data.json, so that its model can be used on other rows.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput, listed, nearest
from lossreg.experiment.data.cell_checks import LARGEST
from lossreg.experiment.data.column import MISSING
from lossreg.experiment.data.columns import (
    MISSING_CATEGORY,
    Columns,
    ReadingOptions,
    as_arrow,
    feature_names,
    one_hot,
)
from lossreg.experiment.data.preprocessing import Scaling
from lossreg.experiment.data.target_means import check_target_means, lookup
from lossreg.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.data.column import Column


REQUIRED = 3
"""How many of the fields of an encoding have no default."""


@dataclass(frozen=True)
class Encoding:
    """How data are encoded, as plain values.

    features, targets, classes: the names of the inputs, of the target columns and of the classes.
    kinds, categories: by the name of each column of a file its kind, and the words of a categorical one; empty for data
        that are no columns of a file.
    missing: the words for a missing cell.
    fill: what replaces a missing value of each feature.
    scaling, target_scaling: mean and standard deviation of each feature and of each target.
    outputs: how many outputs the network has.
    fingerprint: identifies the content of the data.
    target_means: by the name of a column that is encoded by mean targets its words, their means, and the overall mean.
    integer_labels: whether labels are integers, of which `classes` are the digits.
    """

    features: list[str]
    targets: list[str]
    classes: list[str]
    kinds: dict[str, str] = field(default_factory=dict)
    categories: dict[str, list[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=lambda: [*MISSING])
    fill: list[float] | None = None
    scaling: dict[str, Any] | None = None
    target_scaling: dict[str, Any] | None = None
    outputs: int = 0
    fingerprint: str = ""
    integer_labels: bool = False
    target_means: dict[str, dict[str, Any]] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)

    def inputs(self, data: Any) -> tuple[NDArray[np.float32], list[str]]:
        """Encode rows as inputs of the network, and say what about them is unusual.

        `data` is an array of shape (rows, features), or named columns: a mapping, a pandas, polars or pyarrow table, or
        `Columns`. Raises InvalidInput for columns that are missing and cells that cannot be used.
        """
        notes: list[str] = []
        if isinstance(data, Columns):
            rows = self.encode(as_arrow(data.source), data.options, notes)
        elif hasattr(data, "keys") or hasattr(data, "columns") or hasattr(data, "column_names"):
            rows = self.encode(as_arrow(data), ReadingOptions({}, tuple(self.missing)), notes)
        else:
            rows = self.from_array(data)
        if self.fill is not None:
            rows = np.where(np.isnan(rows), np.array(self.fill), rows)
        for at in np.argwhere(~(np.abs(rows) <= LARGEST))[:1].tolist():
            raise InvalidInput(
                f"{self.features[at[1]]!r}: expected a number, got {rows[tuple(at)]}, in row {at[0] + 1}"
            )
        scaling = Scaling.from_json(self.scaling) if self.scaling else None
        return np.ascontiguousarray(scaling(rows) if scaling else rows, np.float32), notes

    def from_array(self, data: Any) -> NDArray[Any]:
        """The rows of an array that has the features in their order."""
        rows = np.asarray(data)
        if self.categories:
            raise InvalidInput(f"expected a table with the columns {listed(self.kinds)}, as some hold words")
        if rows.ndim != 2 or rows.shape[1] != len(self.features) or rows.dtype.kind not in "biuf":  # noqa: PLR2004
            expected = f"numbers of shape (rows, {len(self.features)})"
            raise InvalidInput(f"expected {expected}, or a table with named columns; got {rows.dtype} {rows.shape}")
        return rows

    def encode(self, source: Any, options: ReadingOptions, notes: list[str]) -> NDArray[np.float64]:
        """Encode the columns of an Arrow table."""
        kinds: Mapping[str, str] = self.kinds or dict.fromkeys(self.features, "number")
        absent = [name for name in kinds if name not in source.column_names]
        if absent:
            hint = nearest(absent[0], source.column_names) or f"the columns are {listed(source.column_names)}"
            raise InvalidInput(f"expected the columns {listed(kinds)}; there is no column {absent[0]!r}; {hint}")
        columns = ReadingOptions(dict(kinds), options.missing, options.decimal).read(source, kinds)
        problems = [problem for column in columns for problem in (self.problem_of(column),) if problem]
        if problems:
            raise InvalidInput("\n".join(problems))
        blocks = []
        for column in columns:
            words, means = self.categories.get(column.name), self.target_means.get(column.name)
            if means:
                words = means["words"]
                blocks.append(lookup(column.codes(words), means["means"], means["overall"]))
            else:
                blocks.append(column.values if words is None else one_hot(column, words))
            known = {*(words or ())}
            unseen = [word for word in column.categories() if word not in known] if known else []
            if words and MISSING_CATEGORY not in words and column.missing.any():
                unseen.append(MISSING_CATEGORY)
            if unseen:
                effect = "get the mean of all targets" if means else f"count as none of {listed(words or ())}"
                count = int((column.codes(unseen) >= 0).sum() + column.missing.sum() * (unseen[-1] == MISSING_CATEGORY))
                notes.append(
                    f"column {column.name!r}: {counted(count, 'row')} with categories that were not trained on "
                    f"({listed(unseen)}), which {effect}"
                )
        return np.column_stack(blocks)

    def problem_of(self, column: Column) -> str:
        """What is wrong with a column of other rows than those trained on; empty if nothing is."""
        words = column.words
        if not column.is_categorical and words.any():
            return column.problem(words, f"not a {column.noun}")
        if column.missing.any() and self.fill is None and MISSING_CATEGORY not in self.categories.get(column.name, ()):
            return column.problem(column.missing, "missing, which no row trained on was,")
        return ""

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Encoding:
        """The encoding that `to_json` gave; raises InvalidInput for any other content."""
        names = [each.name for each in fields(cls)]
        absent = [name for name in names[:REQUIRED] if name not in content]
        unknown = [name for name in content if name not in names]
        if absent or unknown:
            problem = f"it has no {listed(absent)}" if absent else f"the unknown keys {listed(unknown)}"
            raise InvalidInput(f"not the encoding of a run's data: {problem}")
        found = cls(**content)
        check_target_means(found.target_means)
        width = len(feature_names(found.kinds or found.features, found.categories))
        lists = [found.fill, *((found.scaling or {}).get(key) for key in ("mean", "deviation"))]
        if len(found.features) != width or any(part is not None and len(part) != width for part in lists):
            raise InvalidInput("not the encoding of a run's data: its lists have different lengths")
        return found
