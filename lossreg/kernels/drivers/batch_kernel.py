"""What batch kernels use besides `each`: scratch for its calls, and a check of what they are given."""

from __future__ import annotations

from typing import Any


class Scratch:
    """An operand of `each`: an array of this shape, in double precision, that no two calls have at the same time.

    A call finds in it whatever another left there.
    """

    def __init__(self, *shape: int) -> None:
        self.shape = shape


def require(inside: Any, name: str, array: Any, extent: str) -> None:
    """Have the call raise InvalidInput for the first number of the input `name` that is not inside, with its position.

    `inside` is an array of booleans, `extent` says what the numbers should be. A kernel requires all that it does
    before it fills a slope, so that a call that is refused changes nothing.
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
