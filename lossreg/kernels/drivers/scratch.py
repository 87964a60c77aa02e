"""Scratch arrays: operands of `each` that every call may write to."""

from __future__ import annotations


class Scratch:
    """An operand of `each`: a float64 array of this shape that no two concurrent calls share.

    Its content is undefined when a call starts.
    """

    def __init__(self, *shape: int) -> None:
        self.shape = shape
