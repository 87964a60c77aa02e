"""Samples and elements that do not count: what a kernel gets in place of hidden elements, and slopes of 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]


def replace_hidden(batch: list[Array], inputs: Sequence[Input], axes: tuple[str, ...], hidden: Array) -> None:
    """Replace hidden elements, which may be nan, by a valid number of the domain; `hidden` has these axes."""
    for at, entry in enumerate(inputs):
        if set(axes) <= set(entry.axes):
            batch[at] = np.where(along(entry, axes, hidden), batch[at].dtype.type(entry.domain.example), batch[at])


def without_hidden(slope: Array, entry: Input, axes: tuple[str, ...], hidden: Array) -> Array:
    """Return the slopes of an input with 0 for hidden elements."""
    if not set(axes) <= set(entry.axes):
        return slope
    return np.where(along(entry, axes, hidden), slope.dtype.type(0), slope)


def along(entry: Input, axes: tuple[str, ...], hidden: Array) -> Array:
    """The mask, which has these axes, in the shape in which it broadcasts to an input that has all of them."""
    return hidden.reshape([hidden.shape[axes.index(axis)] if axis in axes else 1 for axis in entry.axes])


def scattered(part: Array, shape: tuple[int, ...], axis: int, places: Any) -> Array:
    """Scatter an array along an axis to these places of an array of zeros."""
    full = np.zeros(shape, part.dtype)
    full[(slice(None),) * axis + (places,)] = part
    return full
