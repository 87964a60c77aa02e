"""Arrays of slopes in which every element is marked as unfilled until a kernel writes to it."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

MARKS: dict[int, Any] = {4: np.uint32(0x7FC0BAD1), 8: np.uint64(0x7FF800000BAD0001)}
"""By item size: the bits of a nan that no computation produces, unless it is computed from such a nan."""


def unfilled(shape: tuple[int, ...], dtype: Any) -> Array:
    """Return an array in which every element is marked."""
    slope = np.empty(shape, dtype)
    bits(slope)[...] = MARKS[slope.itemsize]
    return slope


def missing(slope: Array) -> list[list[int]]:
    """Return the positions of the elements that are still marked."""
    found: list[list[int]] = np.argwhere(bits(slope) == MARKS[slope.itemsize]).tolist()
    return found


def bits(slope: Any) -> Any:
    """Return the bits of a number, or those of an array as a view."""
    return slope.view(MARKS[slope.itemsize].dtype)
