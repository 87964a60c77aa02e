"""CSV: a table in a text file, with a header; columns are found by name.

`target` names the target column, or the list of them; every other column is a feature and has to be numeric. With
`task` auto, a single target that is not all numbers is taken for class labels.
"""

from typing import Literal

from lossreg import Data, InvalidInput, Table, data, hookimpl


@data
def csv(
    *,
    path: str,
    target: str | list[str],
    task: Literal["auto", "classification", "regression"] = "auto",
) -> Table:
    from csv import Error, reader
    from pathlib import Path

    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            header, *rows = [row for row in reader(file, strict=True) if row] or [[]]
    except (OSError, ValueError, Error) as error:
        raise InvalidInput(f"{path}: cannot be read as csv: {error}") from None
    uneven = [number for number, row in enumerate(rows, 1) if len(row) != len(header)]
    if uneven:
        raise InvalidInput(
            f"{path}: {len(uneven)} rows do not have the header's {len(header)} cells; the first is row {uneven[0]}",
        )
    if len(set(header)) < len(header) or not rows:
        raise InvalidInput(f"{path}: {'two columns have one name' if rows else 'has no rows'}: {', '.join(header)}")
    return Table.from_columns(dict(zip(header, zip(*rows, strict=True), strict=True)), target, task)


@hookimpl
def lossreg_data() -> Data:
    return csv
