"""Sorted samples in segments of equal numbers, such as groups or tied times; and blocks of pairs of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = Any

BLOCK = 4 << 20
"""Bytes of a block of pairs: it stays in the second level of a processor's cache, or close to it."""


def sorted_segments(x: Array, *, descending: bool = False) -> tuple[Array, Array]:
    """Return the order that sorts a vector, and where each segment of equal numbers starts in it, with the end last.

    Equal numbers keep their order.
    """
    import numpy as np

    order = np.argsort(-x if descending else x, kind="stable")
    steps = np.flatnonzero(np.diff(x[order])) + 1
    return order, np.concatenate([[0], steps, [len(x)]] if len(x) else [[0]]).astype(np.int64)


def segment_sums(x: Array, bounds: Array) -> Array:
    """Return the sum of each segment of a sorted array, along its first axis."""
    import numpy as np

    return np.add.reduceat(x, bounds[:-1], axis=0) if len(bounds) > 1 else x[:0]


def segment_softmax(x: Array, bounds: Array) -> tuple[Array, Array]:
    """Return the softmax within each segment of a sorted vector, and the log of each sum of exponentials."""
    import numpy as np

    if len(bounds) == 1:
        return x[:0], x[:0]
    sizes = np.diff(bounds)
    top = np.maximum.reduceat(x, bounds[:-1])
    shares = np.exp(x - np.repeat(top, sizes))
    sums = np.add.reduceat(shares, bounds[:-1])
    shares /= np.repeat(sums, sizes)
    return shares, top + np.log(sums)


def blocks_of_pairs(rows: int, columns: int, itemsize: int) -> Iterator[slice]:
    """Yield slices of rows, each of so many that a block of them by all columns takes 4 MiB, or one row."""
    step = max(1, BLOCK // max(1, columns * itemsize))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))
