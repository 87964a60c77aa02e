"""A data frame that is given in Python: `lossreg.run(config, data=frame)`, of pandas, polars or pyarrow, or a mapping.

`target` names the target column, or a list of them, and `columns` the input columns, by default all others but those
that `exclude` names; the index of a pandas frame is no column. A column of text or truth values is one-hot encoded.
With `task: auto`, a single target of text or truth values is a class label. A value is missing if it is null or nan, or
one of the words `missing`; rows with missing values are an error by default, or are dropped, or get the mean of the
training rows instead, and a category of their own where the column holds text. `kinds` says what a column holds where
that is not clear: number, percent, category, date (days since 1970-01-01), or the format of dates in text.

The run records a fingerprint of the data: `lossreg.resume(run, data=frame)` takes the same frame again, and
`lossreg.sweep(config, data=frame)` names the trials of other frames.

A categorical column of many words is of the kind hash (32 columns, each for the words of one hash) or target_mean (the
mean target of each word over the training rows, smoothed; that of a training row leaves out its own fold).
"""

from typing import Any, Literal

from lossreg.plugin import Columns, Data, InvalidInput, data, hookimpl


@data
def frame(
    source: Any,
    *,
    target: str | list[str],
    columns: list[str] | None = None,
    exclude: list[str] | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    on_missing: Literal["error", "drop", "mean"] = "error",
    missing: list[str] | None = None,
    kinds: dict[str, str] | None = None,
) -> Columns:
    if source is None:
        raise InvalidInput(
            "rows of a frame are given in Python: lossreg.run(config, data=frame), as well as lossreg.sweep and "
            "lossreg.resume"
        )
    return Columns(
        source,
        target,
        columns,
        task=task,
        on_missing=on_missing,
        kinds=kinds or {},
        missing=missing or (),
        exclude=exclude or (),
    )


@hookimpl
def lossreg_component() -> Data:
    return frame
