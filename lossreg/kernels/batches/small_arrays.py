"""Check the domain of an array, or add up a small one, in one compiled pass: a tenth of numpy's time if it is small."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.options import EXACT
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.drivers.compiled_loops import entry_point, linker, numba_type

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]

FLOATS = np.dtype(np.float32), np.dtype(np.float64)

kernel: Any = None
"""Whether a number is in the domain; each clone of the loop has a function of its own."""


FEW = 128
"""The largest number of values that numpy adds up without splitting them in halves."""


def add_up(values: Any) -> float:
    """The sum of up to FEW numbers in float64, in the order of numpy's own sum, so that it has the same bits."""
    count, total = values.size, 0.0
    if count < 8:
        for i in range(count):
            total = total + values[i]
        return total
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    e, f, g, h = 0.0, 0.0, 0.0, 0.0
    rest = count - count % 8
    for i in range(0, rest, 8):
        a, b, c, d = a + values[i], b + values[i + 1], c + values[i + 2], d + values[i + 3]
        e, f, g, h = e + values[i + 4], f + values[i + 5], g + values[i + 6], h + values[i + 7]
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(rest, count):
        total = total + values[i]
    return total


def sum_of(values: Array) -> float:
    """The sum of an array in float64."""
    if 0 < values.size <= FEW and values.flags.c_contiguous and values.dtype in FLOATS:
        return small_sum(values.dtype)(values)
    return float(values.sum(dtype=np.float64))


def any_outside(x: Any) -> bool:
    """Whether a number is outside the domain; nan is outside each."""
    outside = False
    for i in range(x.size):
        outside |= not kernel(x[i])
    return outside


def any_other_label(labels: Any, classes: int) -> bool:
    """Whether a label is not a class."""
    outside = False
    for i in range(labels.size):
        outside |= (labels[i] < 0) | (labels[i] >= classes)
    return outside


@lru_cache(1024)
def domain_check(contains: Callable[[Any], Any], real: type) -> Callable[[Array], bool]:
    """The compiled check that a C-contiguous array of a type has a number outside a domain."""
    name = f"outside_{contains.__name__}_{fingerprint(contains)}"
    loop = clone(any_outside, name, {}, linker(contains, EXACT), EXACT)
    return entry_point(loop, (numba_type((real, 1)),), contains.__name__)


@lru_cache(2)
def small_sum(dtype: np.dtype[Any]) -> Callable[[Array], float]:
    """The compiled sum of a C-contiguous array of this type of up to FEW numbers."""
    name = "add_up"
    loop = clone(add_up, f"{name}_{fingerprint(name)}", {}, dict, EXACT)
    return entry_point(loop, (numba_type((dtype.type, 1)),), name)


@lru_cache(1)
def label_check() -> Callable[[Array, int], bool]:
    """The compiled check that a C-contiguous array of int64 has a label that is not a class."""
    name = "other_label"
    loop = clone(any_other_label, f"{name}_{fingerprint(name)}", {}, dict, EXACT)
    return entry_point(loop, (numba_type((np.int64, 1)), numba_type(np.int64)), name)
