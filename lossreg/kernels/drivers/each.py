"""What batch kernels call: a loop over the samples that is compiled, and a check of what they are given.

What compiles is imported when something runs: plugins import this module, and `lossreg list` imports every plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def each(function: Callable[..., None], count: int, *operands: Any) -> None:
    """Call `function(i, *operands)` for every i below `count`, compiled, in as many threads as there is work for.

    The operands are numbers and arrays, some of which it fills, and Scratch. Like a kernel, the function may call those
    of lossreg.kernels.numerics.stable and of its own module. Calls for different i may run at the same time.
    """
    from lossreg.kernels.drivers.evaluate import run_each

    run_each(function, count, operands)


class Scratch:
    """An operand of `each`: an array of this shape, in double precision, that no two calls have at the same time.

    A call finds in it whatever another left there.
    """

    def __init__(self, *shape: int) -> None:
        self.shape = shape


def require(inside: Any, name: str, array: Any, extent: str) -> None:
    """Have the call raise InvalidInput for the first number of the input `name` that is not inside, with its position.

    `inside` is an array of booleans, `extent` says what the numbers should be.
    """
    if not inside.all():
        import numpy as np

        at = np.argwhere(~inside)[0].tolist()
        raise Outside(name, at, array[tuple(at)], extent)


class Outside(Exception):  # noqa: N818  caught by the call, which knows where the samples come from
    """A number that an input may not have, and where."""

    def __init__(self, name: str, at: list[int], got: Any, extent: str) -> None:
        super().__init__(name, at, got, extent)
        self.name, self.at, self.got, self.extent = name, at, got, extent
