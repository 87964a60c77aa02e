"""NPZ: two arrays in a file written by numpy.savez.

`inputs` names the array of shape (n, features), and `targets` that of shape (n,) or (n, columns). With `task: auto`, a
vector of integers, truth values or text holds class labels, and any other array real numbers. `path` is relative to the
working directory.
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
            raise InvalidInput(f"{key}: {path}: there is no array {name!r}; it has {', '.join(arrays)}")
    return Table.from_arrays(arrays[inputs], arrays[targets], task)


@hookimpl
def lossreg_component() -> Data:
    return npz
