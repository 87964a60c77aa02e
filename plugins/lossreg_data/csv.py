"""CSV: a table in a text file with a header, whose columns are chosen by name.

`target` names the target column, or a list of them, and `columns` the input columns, by default all others. A column of
words is one-hot encoded: it becomes a column of 0 and 1 for each word. With `task: auto`, a single target that contains
words is a class label. A cell is missing if it is empty or reads na, n/a, nan, none or null; rows with missing cells
are an error by default, or are dropped, or get the mean of the training rows instead. `path` is relative to the working
directory.
"""

from typing import Literal

from lossreg.plugin import Data, InvalidInput, Table, data, hookimpl


@data
def csv(
    *,
    path: str,
    target: str | list[str],
    columns: list[str] | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    on_missing: Literal["error", "drop", "mean"] = "error",
) -> Table:
    from csv import Error, reader
    from pathlib import Path

    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in reader(file, strict=True) if row] or [[]]
    except (OSError, ValueError, Error) as error:
        raise InvalidInput(f"path: {path}: cannot be read as csv: {error}") from None
    uneven = [number for number, row in enumerate(rows, 1) if len(row) != len(header)]
    if uneven:
        problem = f"the header has {len(header)} cells, but {len(uneven)} of {len(rows)} rows do not"
        raise InvalidInput(f"path: {path}: {problem}; the first is row {uneven[0]}")
    if not rows:
        raise InvalidInput(f"path: {path}: the file has no rows of data")
    if len(set(header)) < len(header):
        raise InvalidInput(f"path: {path}: two columns have the same name: {', '.join(header)}")
    cells = dict(zip(header, zip(*rows, strict=True), strict=True))
    return Table.from_columns(cells, target, features=columns, task=task, on_missing=on_missing)


@hookimpl
def lossreg_component() -> Data:
    return csv
