"""NPZ: two arrays in a file that numpy.savez wrote.

`inputs` and `targets` name them: (n, features), and (n,) or (n, columns). With `task` auto, a vector of integers,
truth values or text is taken for class labels, and anything else for real numbers.
"""

from typing import Literal

from lossreg.plugin import Data, InvalidInput, Table, data, hookimpl


@data
def npz(
    *,
    path: str,
    inputs: str = "x",
    targets: str = "y",
    task: Literal["auto", "classification", "regression"] = "auto",
) -> Table:
    from pathlib import Path
    from zipfile import BadZipFile

    from numpy.lib.npyio import NpzFile

    try:
        with Path(path).open("rb") as file, NpzFile(file) as archive:
            arrays = dict(archive)
    except (OSError, ValueError, BadZipFile) as error:
        raise InvalidInput(f"path: {path}: cannot be read as npz: {error}") from None
    for key, name in (("inputs", inputs), ("targets", targets)):
        if name not in arrays:
            raise InvalidInput(f"{key}: {path}: no array {name!r}; it has {', '.join(arrays)}")
    x, y = arrays[inputs], arrays[targets]
    labels = y.ndim == 1 and y.dtype.kind in "biuUS" if task == "auto" else task == "classification"
    return Table.labelled(x, y) if labels else Table(x, y)


@hookimpl
def lossreg_component() -> Data:
    return npz
