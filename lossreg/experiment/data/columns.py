"""Encode the named columns of a file as arrays of numbers.

A column in which at least one cell is a number is numeric, and any word in it is a mistake. A column of words alone is
categorical: it is one-hot encoded, as one column of 0 and 1 for each distinct word. A cell is missing if it is empty or
says so, such as "na" or "null".
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lossreg.errors import InvalidInput, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    OnMissing = Literal["error", "drop", "mean"]
    TargetKind = Literal["auto", "classification", "regression"]

MISSING = {"", "na", "n/a", "nan", "none", "null"}
MAX_CATEGORIES = 256
"""How many distinct words a categorical column may have; a column of more is probably a name or free text."""


class EncodedColumns(NamedTuple):
    """Columns as arrays: the inputs, the targets (or labels of any type), and the names of what they hold."""

    inputs: NDArray[np.float64]
    targets: Any
    labelled: bool
    features: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    target_names: tuple[str, ...]
    impute_missing: bool


@dataclass(frozen=True)
class Column:
    """A column: its cells as numbers (nan for those that are not), the cells themselves, and which are missing."""

    name: str
    values: NDArray[np.float64]
    cells: Sequence[Any]
    missing: NDArray[np.bool_]

    @property
    def words(self) -> NDArray[np.bool_]:
        """Which cells are neither numbers nor missing."""
        import numpy as np

        found: NDArray[np.bool_] = np.isnan(self.values) & ~self.missing
        return found

    @property
    def categorical(self) -> bool:
        """Whether all cells that are not missing are words."""
        import numpy as np

        return bool(self.words.any() and np.isnan(self.values).all())

    def select(self, kept: NDArray[np.bool_]) -> Column:
        """The column with some of its rows."""
        cells = [cell for cell, keep in zip(self.cells, kept, strict=True) if keep]
        return Column(self.name, self.values[kept], cells, self.missing[kept])

    def problem(self, which: NDArray[np.bool_], what: str) -> str:
        """Describe what is wrong with some cells: how many there are, and the first."""
        first = int(which.argmax())
        where = f"in {which.sum()} of {len(which)} rows; the first is"
        return f"column {self.name!r}: {what} {where} {self.cells[first]!r}, in row {first + 1}"


def read_column(name: str, cells: Sequence[Any]) -> Column:
    """Read a column whose cells are text, numbers, or None for a missing value."""
    import numpy as np

    array = np.asarray(cells)
    if (
        array.dtype.kind not in "bmM"
    ):  # truth values are words; dates, which numpy would convert to numbers, are neither
        with suppress(TypeError, ValueError):
            values = array.astype(np.float64)
            return Column(name, values, cells, np.isnan(values))
    missing = [cell is None or str(cell).strip().casefold() in MISSING for cell in cells]
    return Column(name, np.array([to_number(cell) for cell in cells]), cells, np.array(missing))


def to_number(cell: Any) -> float:
    """A cell as a number, or nan if it is not one."""
    try:
        return float("nan") if str(cell) in ("True", "False") else float(cell)
    except (TypeError, ValueError):
        return float("nan")


def encode_columns(
    columns: Mapping[str, Sequence[Any]],
    target: str | Sequence[str],
    features: Sequence[str] | None = None,
    task: TargetKind = "auto",
    on_missing: OnMissing = "error",
) -> EncodedColumns:
    """Encode columns as inputs and a target, or several targets; `features` names the inputs, by default all others.

    `task` says whether the target is a class label; with "auto", a single target that has words is. Rows with missing
    cells are an error, or are dropped, or get the mean over the training rows, as `on_missing` says. Raises
    InvalidInput for a column that does not exist, and for cells that cannot be used: how many, and the first.
    """
    import numpy as np

    target_names = [target] if isinstance(target, str) else list(target)
    check_names("target", target_names, columns)
    names = [name for name in columns if name not in target_names] if features is None else list(features)
    check_names("columns", names, columns)
    if not names or not target_names or set(names) & set(target_names):
        raise InvalidInput(
            f"expected at least one column of inputs besides the target, and none that is both; "
            f"the columns are {listed(columns)}"
        )
    inputs, targets = ([read_column(name, columns[name]) for name in part] for part in (names, target_names))
    labelled = task == "classification" or (task == "auto" and len(targets) == 1 and bool(targets[0].words.any()))
    check_cells(inputs, targets, on_missing, labelled=labelled)
    incomplete = np.any([column.missing for column in (*inputs, *targets)], axis=0)
    if on_missing == "drop" and incomplete.any():
        if incomplete.all():
            raise InvalidInput(
                f"on_missing: each of the {len(incomplete)} rows has a missing cell, so that drop leaves no rows"
            )
        inputs, targets = ([column.select(~incomplete) for column in part] for part in (inputs, targets))
    encoded = [one_hot(column) for column in inputs]
    matrix = np.concatenate([block for block, _ in encoded], axis=1)
    feature_names = tuple(
        f"{column.name}={word}" if words else column.name
        for column, (_, words) in zip(inputs, encoded, strict=True)
        for word in words or ("",)
    )
    categories = {column.name: words for column, (_, words) in zip(inputs, encoded, strict=True) if words}
    if labelled:
        words = bool(targets[0].words.any())
        values: Any = [str(cell) for cell in targets[0].cells] if words else targets[0].values
    else:
        values = np.stack([column.values for column in targets], axis=1)
    impute = on_missing == "mean" and bool(incomplete.any())
    return EncodedColumns(matrix, values, labelled, feature_names, categories, tuple(target_names), impute)


def one_hot(column: Column) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    """A numeric column as it is, or a categorical one as one column for each word; missing cells are nan in all."""
    import numpy as np

    if not column.categorical:
        return column.values[:, np.newaxis], ()
    cells = np.array([str(cell) for cell in column.cells])
    words = np.unique(cells[~column.missing])
    block = (cells[:, np.newaxis] == words).astype(np.float64)
    block[column.missing] = np.nan
    return block, tuple(map(str, words))


def check_names(parameter: str, names: Iterable[str], columns: Mapping[str, Any]) -> None:
    """Raise InvalidInput for a column that does not exist."""
    for name in names:
        if name not in columns:
            hint = nearest(name, columns) or f"the columns are {listed(columns)}"
            raise InvalidInput(f"{parameter}: there is no column {name!r}; {hint}")


def check_cells(inputs: list[Column], targets: list[Column], on_missing: OnMissing, *, labelled: bool) -> None:
    """Raise InvalidInput for cells that cannot be used, with the problems of all columns together."""
    import numpy as np

    problems = []
    for column in (*inputs, *targets):
        words = column.words
        first = column.cells[int(words.argmax())] if words.any() else None
        if words.any() and not isinstance(first, (str, bool, np.bool_)):
            kind = type(first).__name__
            problems.append(
                f"column {column.name!r}: its cells are of the type {kind}, which is neither number nor text"
            )
            continue
        if words.any() and not (labelled if column in targets else column.categorical):
            problems.append(column.problem(words, "not a number"))
        if column in inputs and column.categorical:
            distinct = len({str(cell) for cell in column.cells})
            if distinct > MAX_CATEGORIES:
                problems.append(
                    f"column {column.name!r}: {distinct} different words, but a categorical column may have at most "
                    f"{MAX_CATEGORIES}; choose the columns to use with columns"
                )
        if column.missing.any() and (on_missing == "error" or (on_missing == "mean" and column in targets)):
            remedies = "on_missing: drop leaves out these rows" + ", mean fills in the mean of the column" * (
                column in inputs
            )
            problems.append(f"{column.problem(column.missing, 'missing')}; {remedies}")
        if column.missing.all() and on_missing == "mean":
            problems.append(f"column {column.name!r}: all cells are missing")
    if problems:
        raise InvalidInput("\n".join(problems))
