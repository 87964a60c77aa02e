"""Parquet: a table in a file with named and typed columns.

`target` names the target column, or the list of them, and `columns` the features; unless given, all others are. Columns
of text or truth values become one of 0 and 1 for each value. With `task` auto, a single target of text or truth values
is taken for class labels. What is null or nan is missing: an error, unless rows with one are dropped, or have the mean
of the rows to train on in its place. `path` is relative to the working directory.
"""

from typing import Literal

from lossreg.plugin import Data, InvalidInput, Table, data, hookimpl


@data
def parquet(
    *,
    path: str,
    target: str | list[str],
    columns: list[str] | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    on_missing: Literal["error", "drop", "mean"] = "error",
) -> Table:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            names = file.schema_arrow.names
            wanted = [target] if isinstance(target, str) else [*target]
            chosen = names if columns is None else [name for name in names if name in {*columns, *wanted}]
            table = file.read(chosen)
    except (OSError, ArrowException) as error:
        raise InvalidInput(f"path: {path}: cannot be read as parquet: {error}") from None
    # Not to_numpy, which (in pyarrow 26) gives some other value for what is null in a column of categories.
    cells = {name: table[name].to_pylist() for name in chosen}
    if not table.num_rows:
        raise InvalidInput(f"path: {path}: has no rows")
    return Table.from_columns(cells, target, features=columns, task=task, on_missing=on_missing)


@hookimpl
def lossreg_component() -> Data:
    return parquet
