"""Parquet: a table in a file with named and typed columns.

`target` names the target column, or a list of them, and `columns` the input columns, by default all others but those
that `exclude` names. A column of text or truth values is one-hot encoded: it becomes a column of 0 and 1 for each
value. With `task: auto`, a single target of text or truth values is a class label. A value is missing if it is null or
nan; rows with missing values are an error by default, or are dropped, or get the mean of the training rows instead, and
a category of their own where the column holds text. `kinds` says what a column holds where that is not clear: number,
percent, category, date (days since 1970-01-01), or the format of dates in text. `path` is relative to the working
directory.

A categorical column of many words is of the kind hash (32 columns, each for the words of one hash) or target_mean (the
mean target of each word over the training rows, smoothed; that of a training row leaves out its own fold).
"""

from typing import Literal

from lossreg.plugin import Columns, Data, InvalidInput, data, hookimpl


@data
def parquet(
    *,
    path: str,
    target: str | list[str],
    columns: list[str] | None = None,
    exclude: list[str] | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    on_missing: Literal["error", "drop", "mean"] = "error",
    kinds: dict[str, str] | None = None,
) -> Columns:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            unused, every = {*(exclude or ())}, file.schema_arrow.names
            names = [name for name in every if name not in unused]
            wanted = [target] if isinstance(target, str) else [*target]
            chosen = names if columns is None else [name for name in names if name in {*columns, *wanted}]
            table = file.read(list(dict.fromkeys(chosen)))
    except (OSError, ArrowException) as error:
        raise InvalidInput(f"path: {path}: cannot be read as parquet: {error}") from None
    if not table.num_rows:
        raise InvalidInput(f"path: {path}: the file has no rows of data")
    unknown = [name for name in exclude or () if name not in every]
    return Columns(
        table, target, columns, task=task, on_missing=on_missing, kinds=kinds or {}, missing=(), exclude=unknown
    )


@hookimpl
def lossreg_component() -> Data:
    return parquet
