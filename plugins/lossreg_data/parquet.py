"""Parquet: a table in a file with named and typed columns.

`target` names the target column, or a list of them, and `columns` the input columns, by default all others. A column of
text or truth values is one-hot encoded: it becomes a column of 0 and 1 for each value. With `task: auto`, a single
target of text or truth values is a class label. A value is missing if it is null or nan; rows with missing values are
an error by default, or are dropped, or get the mean of the training rows instead. `path` is relative to the working
directory.
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
    # Not to_numpy, which (in pyarrow 26) returns a wrong value for a null in a dictionary-encoded column.
    cells = {name: table[name].to_pylist() for name in chosen}
    if not table.num_rows:
        raise InvalidInput(f"path: {path}: the file has no rows of data")
    return Table.from_columns(cells, target, features=columns, task=task, on_missing=on_missing)


@hookimpl
def lossreg_component() -> Data:
    return parquet
