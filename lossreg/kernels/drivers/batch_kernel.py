"""What batch kernels may call: `each`, a compiled loop over samples, and `require`, a check of an input."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

from lossreg.errors import InvalidInput


def each(function: Callable[..., None], count: int, *operands: Any) -> None:
    """Call `function(i, *operands)` for every i below `count`, compiled and in several threads if that is faster.

    The operands are numbers, arrays, which the function may write to, and Scratch. Like a kernel, the function may call
    functions of lossreg.kernels.numerics and of its own module. Calls for different i may run at the same time.

    An array that the function writes to shares no memory with another operand. A sum of floats that is written
    `total += x` in a loop may be added up in another order, so that the loop is vectorized; write `total = total + x`
    where the order matters.
    """
    implementation()(function, count, operands)


@cache
def implementation() -> Callable[..., None]:
    """The implementation of `each`, which imports numba.

    Plugins import this module, and `lossreg list` imports every plugin and compiles nothing. The import statement would
    take a microsecond of every call.
    """
    from lossreg.kernels.drivers.sample_loop import run_each

    return run_each


def require(inside: Any, name: str, array: Any, extent: str) -> None:
    """Raise InvalidInput from the call, with the position of the first number of the input `name` that is not inside.

    `inside` is an array of booleans, and `extent` says what the numbers should be. A kernel makes all its checks before
    it fills a slope, so that a rejected call changes nothing.
    """
    if not inside.all():
        import numpy as np

        at = np.argwhere(~inside)[0].tolist()
        raise Outside(name, at, array[tuple(at)], extent)


class Outside(InvalidInput):  # caught by the call, which knows the position of each sample in its arrays
    """A number that an input may not have, and its position."""

    def __init__(self, name: str, at: list[int], got: Any, extent: str) -> None:
        super().__init__(name, at, got, extent)
        self.name, self.at, self.got, self.extent = name, at, got, extent
