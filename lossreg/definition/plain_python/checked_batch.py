"""Run a batch kernel, and check what compiled loops and callers rely on: its results, its slopes and its inputs.

What is cheap is checked in every call. The first call with some slopes also finds slopes that are not filled and inputs
that are written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.plain_python.compiled_arithmetic import read_only
from lossreg.definition.plain_python.mistakes import KernelMistake, raise_mistake, shown
from lossreg.definition.plain_python.unfilled import missing, unfilled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lossreg.definition.signature import Form

    Array = np.ndarray[Any, Any]

_passed: set[Any] = set()
"""The forms that have passed, each with the names of the slopes that were requested."""


class RequestedSlopes(dict[str, Any]):
    """The arrays that a batch kernel fills, by the names of the inputs whose gradients were requested.

    Afterwards the slopes are multiplied by `factor`, the inverse of a mean's divisor, which is another pass over them.
    A kernel that reads it multiplies them itself, such as by a number for each image.
    """

    given_factor, multiplied = 1.0, False

    @property
    def factor(self) -> float:
        """What the kernel multiplies its slopes by."""
        self.multiplied = True
        return self.given_factor

    def __missing__(self, name: str) -> Any:
        raise KernelMistake(f"it uses slopes[{name!r}], but that gradient is not requested; ask `{name!r} in slopes`")

    def __setitem__(self, name: str, array: Any) -> None:
        if array is self.get(name):  # slopes[name] *= 2
            return
        raise KernelMistake(f"it assigns an array to slopes[{name!r}]; fill the one there, as slopes[{name!r}][...]")


def run_batch_kernel(  # noqa: PLR0913, PLR0917  what a kernel is called with
    form: Form,
    arrays: Sequence[Array],
    weights: Array,
    slopes: Mapping[str, Array],
    parameters: Mapping[str, Any],
    shape: tuple[int, ...] | None = None,
    factor: float = 1.0,
) -> Any:
    """Return the values, and fill the slopes, multiplied by a factor; raises InvalidDefinition for a kernel's mistake.

    shape: the shape of the values; any if None.
    """
    key, filled = (form, *slopes), slopes
    first = key not in _passed
    if first:
        arrays, weights = [read_only(x) for x in arrays], read_only(weights)
        filled = {name: unfilled(slope.shape, slope.dtype) for name, slope in slopes.items()}
    requested = RequestedSlopes(filled)
    requested.given_factor = factor
    try:
        values, counts = separated(form.call([*arrays], weights, requested, parameters), form, shape)
        for name, slope in filled.items() if first else ():
            copy_filled(name, slope, slopes[name])
    except Exception as error:  # noqa: BLE001  a context manager would take a microsecond of every call
        raise_mistake(error, form.kernel)
    if factor != 1 and not requested.multiplied:
        for slope in slopes.values():
            np.multiply(slope, factor, slope)
    _passed.add(key)
    return (values, counts) if form.counts else values


def separated(returned: Any, form: Form, shape: tuple[int, ...] | None) -> tuple[Array, Any]:
    """The values that a kernel returns, as an array, and what they count; raises KernelMistake for anything else."""
    values, counts = returned, None
    if form.counts:
        if not (isinstance(returned, tuple) and len(returned) == 2):  # noqa: PLR2004  as it says
            raise KernelMistake(f"it returns {shown(returned)}; expected two arrays: the values, and what they count")
        values, counts = returned
    array = np.asarray(values)
    numeric = array.dtype.kind in "fiub"
    if not numeric or (shape is not None and shape != array.shape):
        expected = "the values" if shape is None else f"the values, of shape {shape}"
        kind = f" of type {values.dtype}" if hasattr(values, "dtype") and not numeric else ""
        raise KernelMistake(f"it returns {shown(values)}{kind}; expected {expected}")
    return array, counts


def copy_filled(name: str, filled: Array, slope: Array) -> None:
    """Copy a slope that a kernel has filled; raises KernelMistake for a number that it has not."""
    if places := missing(filled):
        raise KernelMistake(f"it does not fill slopes[{name!r}] at {places[0]}")
    slope[...] = filled
