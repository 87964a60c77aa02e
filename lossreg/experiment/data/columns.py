"""Columns: from the named columns of a file to a table of numbers.

A column in which some cell is a number is one of numbers, and a word in it a mistake; one of words alone is a category,
and becomes a column of 0 and 1 for each of its words. A cell is missing if it is empty or says so.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lossreg.errors import InvalidInput, listed, nearest
from lossreg.experiment.data.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    OnMissing = Literal["error", "drop", "mean"]
    Kind = Literal["auto", "classification", "regression"]

MISSING = {"", "na", "n/a", "nan", "none", "null"}
MOST_WORDS = 256
"""How many words a category may have; beyond, it is more likely to be a name or a text."""


@dataclass(frozen=True)
class Column:
    """A column: its cells as numbers (nan for those that are none), the cells themselves, and which are missing."""

    name: str
    values: NDArray[np.float64]
    cells: Sequence[Any]
    missing: NDArray[np.bool_]

    @property
    def words(self) -> NDArray[np.bool_]:
        """The cells that are neither numbers nor missing."""
        import numpy as np

        found: NDArray[np.bool_] = np.isnan(self.values) & ~self.missing
        return found

    @property
    def categorical(self) -> bool:
        """Whether all cells are words, but for those that are missing."""
        import numpy as np

        return bool(self.words.any() and np.isnan(self.values).all())

    def only(self, kept: NDArray[np.bool_]) -> Column:
        """Some of the rows."""
        cells = [cell for cell, keep in zip(self.cells, kept, strict=True) if keep]
        return Column(self.name, self.values[kept], cells, self.missing[kept])

    def told(self, which: NDArray[np.bool_], what: str) -> str:
        """How many of some cells there are, and the first."""
        row = int(which.argmax())
        return f"column {self.name!r}: {which.sum()} of {len(which)} cells are {what} {row + 1}"


def read(name: str, cells: Sequence[Any]) -> Column:
    """Read a column's cells: texts, numbers, or None for what is missing."""
    import numpy as np

    array = np.asarray(cells)
    if array.dtype.kind not in "bmM":  # truth values are words; dates, which numpy would count, are neither
        with suppress(TypeError, ValueError):
            values = array.astype(np.float64)
            return Column(name, values, cells, np.isnan(values))
    missing = [cell is None or str(cell).strip().casefold() in MISSING for cell in cells]
    return Column(name, np.array([number(cell) for cell in cells]), cells, np.array(missing))


def number(cell: Any) -> float:
    """A cell as a number, or nan."""
    try:
        return float("nan") if str(cell) in ("True", "False") else float(cell)
    except (TypeError, ValueError):
        return float("nan")


def from_columns(
    columns: Mapping[str, Sequence[Any]],
    target: str | Sequence[str],
    features: Sequence[str] | None = None,
    task: Kind = "auto",
    on_missing: OnMissing = "error",
) -> Table:
    """Make a table with a target column, or several; unless `features` names them, all others are inputs.

    `task` is classification, regression or auto, by which one target that is not all numbers is a label. Of rows with
    missing cells, `on_missing` drops all, or has the mean of the rows to train on in their place. Raises InvalidInput
    for columns that are not there and for cells that are no numbers, with how many there are and the first row.
    """
    import numpy as np

    wanted = [target] if isinstance(target, str) else list(target)
    check_names("target", wanted, columns)
    names = [name for name in columns if name not in wanted] if features is None else list(features)
    check_names("columns", names, columns)
    if not names or not wanted or set(names) & set(wanted):
        raise InvalidInput(f"expected columns for inputs and others for the target, got {listed(columns)}")
    inputs, targets = ([read(name, columns[name]) for name in part] for part in (names, wanted))
    labelled = task == "classification" or (task == "auto" and len(targets) == 1 and bool(targets[0].words.any()))
    check_cells(inputs, targets, on_missing, labelled=labelled)
    gone = np.any([column.missing for column in (*inputs, *targets)], axis=0)
    if on_missing == "drop" and gone.any():
        if gone.all():
            raise InvalidInput(f"on_missing: each of {len(gone)} rows has a missing cell, and is dropped")
        inputs, targets = ([column.only(~gone) for column in part] for part in (inputs, targets))
    blocks = [encode(column) for column in inputs]
    table: dict[str, Any] = {
        "inputs": np.concatenate([block for block, _ in blocks], axis=1),
        "features": tuple(
            f"{column.name}={word}" if words else column.name
            for column, (_, words) in zip(inputs, blocks, strict=True)
            for word in words or ("",)
        ),
        "categories": {column.name: words for column, (_, words) in zip(inputs, blocks, strict=True) if words},
        "gaps": bool(gone.any()) and on_missing == "mean",
        "target_names": tuple(wanted),
    }
    if not labelled:
        return Table(targets=np.stack([column.values for column in targets], axis=1), **table)
    first = targets[0]
    return Table.labelled(labels=[str(cell) for cell in first.cells] if first.words.any() else first.values, **table)


def encode(column: Column) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """A column's numbers, or one column for each of its words; what is missing is nan in all of them."""
    import numpy as np

    if not column.categorical:
        return column.values[:, np.newaxis], ()
    cells = np.array([str(cell) for cell in column.cells])
    words = np.unique(cells[~column.missing])
    block = (cells[:, np.newaxis] == words).astype(np.float64)
    block[column.missing] = np.nan
    return block, tuple(map(str, words))


def check_names(what: str, names: Iterable[str], columns: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a column that is not there."""
    for name in names:
        if name not in columns:
            hint = nearest(name, columns) or f"there are {listed(columns)}"
            raise InvalidInput(f"{what}: no column {name!r}; {hint}")


def check_cells(inputs: list[Column], targets: list[Column], on_missing: OnMissing, *, labelled: bool) -> None:
    """Raise InvalidInput for cells that cannot be used, of all columns together."""
    import numpy as np

    problems = []
    for column in (*inputs, *targets):
        words, mixed = column.words, not column.categorical
        if words.any() and not isinstance(column.cells[int(words.argmax())], (str, bool, np.bool_)):
            kind = type(column.cells[int(words.argmax())]).__name__
            problems.append(f"column {column.name!r}: its cells are of the type {kind}, neither numbers nor text")
            continue
        if words.any() and (not labelled if column in targets else mixed):
            first = column.cells[int(words.argmax())]
            problems.append(f"{column.told(words, 'not numbers; the first, in row')}, is {first!r}")
        if column in inputs and not mixed:
            different = len({str(cell) for cell in column.cells})
            if different > MOST_WORDS:
                told = f"{different} different words, and at most {MOST_WORDS} make a category; choose other columns"
                problems.append(f"column {column.name!r}: {told}")
        if column.missing.any() and (on_missing == "error" or (on_missing == "mean" and column in targets)):
            ways = "on_missing: drop leaves such rows out" + ", mean fills them in" * (column in inputs)
            problems.append(f"{column.told(column.missing, 'missing; the first is in row')}; {ways}")
        if column.missing.all() and on_missing == "mean":
            problems.append(f"column {column.name!r}: all cells are missing")
    if problems:
        raise InvalidInput("\n".join(problems))
