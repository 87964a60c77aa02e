"""Slabs: pieces of an array that are converted one at a time, so that conversion takes little memory."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SLAB = 1 << 15
"""The number of elements in a slab."""


def slabs(shape: tuple[int, ...], limit: int) -> Iterator[tuple[slice, ...]]:
    """Yield indices that cover `shape` in order, each of at most `limit` elements."""
    rest = prod(shape[1:])
    if prod(shape) <= limit:
        yield (slice(None),) * len(shape)
    elif rest <= limit:
        step = limit // rest
        for start in range(0, shape[0], step):
            yield (slice(start, start + step),)
    else:
        for start in range(shape[0]):
            for inner in slabs(shape[1:], limit):
                yield (slice(start, start + 1), *inner)


LARGEST_SAMPLE = 16
"""The most slabs that a sample of channels-first rows may take as one: each slab takes 15 microseconds of its own."""


def slabs_of_samples(shape: tuple[int, ...], limit: int) -> Iterator[tuple[slice, ...]]:
    """Yield indices that cover a shape (N, d1, ...): several samples, one of them, or parts of one along d1."""
    pixels, largest = prod(shape[1:]), limit * LARGEST_SAMPLE
    samples, rows = max(1, limit // max(1, pixels)), max(1, shape[1])
    if pixels > largest:
        rows = max(1, largest // prod(shape[2:]))
    for start in range(0, shape[0], samples):
        for first in range(0, shape[1], rows):
            yield slice(start, start + samples), slice(first, first + rows)
