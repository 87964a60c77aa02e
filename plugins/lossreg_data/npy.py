"""NPY: two files written by numpy.save; the inputs are memory-mapped, and may be larger than memory.

`inputs` is the path of an array of shape (n, features), from which each batch reads its rows, and `targets` that of an
array of shape (n,) or (n, columns). Paths are relative to the working directory. With `task: auto`, a vector of
integers, truth values or text holds class labels, and any other array real numbers.
"""

from typing import Literal

from lossreg.plugin import Data, InvalidInput, Table, data, hookimpl


@data
def npy(*, inputs: str, targets: str, task: Literal["auto", "classification", "regression"] = "auto") -> Table:
    from numpy import array
    from numpy.lib.format import open_memmap

    arrays = []
    for name, path in (("inputs", inputs), ("targets", targets)):
        try:
            arrays.append(open_memmap(path, mode="r"))
        except (OSError, ValueError) as error:
            raise InvalidInput(f"{name}: {path}: cannot be read as npy: {error}") from None
    return Table.from_arrays(arrays[0], array(arrays[1]), task)


@hookimpl
def lossreg_component() -> Data:
    return npy
