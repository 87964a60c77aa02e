"""How rows and elements that a loop takes where they are lie in memory, and views of rows in three axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

Array = np.ndarray[Any, Any]


class RowLayout(NamedTuple):
    """The float type of rows, and which of their distances in memory are known when the loop is compiled.

    adjacent: whether the numbers of a row are next to each other.
    nested: whether the distance between rows is another one after some of them, as it is for the pixels of images.
    """

    stored: str
    adjacent: bool
    nested: bool


@dataclass(frozen=True)
class ElementLayout:
    """The float type of the numbers of an array, and whether they are next to each other, for a vector loop."""

    stored: str
    adjacent: bool


def element_layout(x: Array) -> ElementLayout | None:
    """The layout of an array; None if the distance between its numbers has more than one value."""
    merged = merged_axes(x[..., np.newaxis])
    return ElementLayout(x.dtype.name, not merged or merged[0][1] == x.itemsize) if len(merged) <= 1 else None


def row_layout(view: Array) -> RowLayout | None:
    """The layout of an array with rows on its last axis; None if the distance between rows has more than two values."""
    kind, merged = view.dtype, merged_axes(view)
    return RowLayout(kind.name, view.strides[-1] == kind.itemsize, len(merged) > 1) if len(merged) <= 2 else None


def merged_axes(view: Array) -> list[tuple[int, int]]:
    """The lengths and steps of the axes but the last, merged where one step leads from row to row."""
    merged: list[tuple[int, int]] = []
    for length, step in zip(view.shape[:-1], view.strides[:-1], strict=True):
        if length == 1:
            continue
        if merged and merged[-1][1] == length * step:
            merged[-1] = merged[-1][0] * length, step
        else:
            merged.append((length, step))
    return merged


def in_three_axes(view: Array) -> Array:
    """View rows in three axes; rows that one step leads along have a second axis of length 1."""
    if view.flags.c_contiguous:
        return view.reshape(prod(view.shape[:-1]), 1, view.shape[-1])
    (outer, far), (inner, near) = [*merged_axes(view), (1, 0), (1, 0)][:2]
    return as_strided(view, (outer, inner, view.shape[-1]), (far, near, view.strides[-1]))
