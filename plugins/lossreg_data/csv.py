"""CSV: a table in a text file, with a header; columns are found by name.

`target` names the target column, or the list of them, and `columns` the features; unless given, all others are. A
column of words becomes one of 0 and 1 for each word. With `task` auto, a single target that is not all numbers is taken
for class labels. An empty cell, and one of na, nan, none or null, is missing: an error, unless rows with one are
dropped, or have the mean of the rows to train on in its place. `path` is relative to the working directory.
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
        told = f"{len(uneven)} rows do not have the header's {len(header)} cells; the first is row {uneven[0]}"
        raise InvalidInput(f"path: {path}: {told}")
    if len(set(header)) < len(header) or not rows:
        told = "two columns have one name" if rows else "has no rows"
        raise InvalidInput(f"path: {path}: {told}: {', '.join(header)}")
    cells = dict(zip(header, zip(*rows, strict=True), strict=True))
    return Table.from_columns(cells, target, features=columns, task=task, on_missing=on_missing)


@hookimpl
def lossreg_component() -> Data:
    return csv
