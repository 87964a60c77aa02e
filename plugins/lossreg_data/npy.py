"""NPY: two arrays in files that numpy.save wrote, of which the inputs are mapped and may be larger than memory.

`inputs` and `targets` are paths, relative to the working directory: (n, features), of which each batch reads its own
rows, and (n,) or (n, columns), which are read. With `task` auto, a vector of integers, truth values or text is taken
for class labels, and anything else for real numbers.
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
    x, y = arrays[0], array(arrays[1])
    labels = y.ndim == 1 and y.dtype.kind in "biuUS" if task == "auto" else task == "classification"
    return Table.labelled(x, y) if labels else Table(x, y)


@hookimpl
def lossreg_component() -> Data:
    return npy
