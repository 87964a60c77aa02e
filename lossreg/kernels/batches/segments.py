"""Sorted samples in segments of equal numbers, such as groups or tied times; and blocks of pairs of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.drivers.batch_kernel import each
from lossreg.kernels.numerics import exp, largest, log, wide_sum
from lossreg.kernels.numerics.sums import first_of

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = Any

BLOCK = 4 << 20
"""Bytes of a block of pairs: it stays in the second level of a processor's cache, or close to it."""
RUN = 16
"""How many members of a segment are sorted by insertion."""
TOGETHER = 64
"""How many segments get their exponentials in one loop."""


def sorted_segments(x: Array, *, descending: bool = False) -> tuple[Array, Array]:
    """Return the order that sorts a vector, and where each segment of equal numbers starts in it, with the end last.

    Equal numbers keep their order.
    """
    import numpy as np

    bounds, ascending = find_segments(x)
    if ascending and not descending:
        return np.arange(len(x)), bounds
    order = stable_order(-x if descending else x)
    return order, find_segments(x[order])[0]


def find_segments(x: Array) -> tuple[Array, bool]:
    """Return where each segment of equal numbers starts in a vector, with the end last, and whether it ascends."""
    bounds, ascending, _ = segments_of(x)
    return bounds, ascending


def segments_of(x: Array) -> tuple[Array, bool, int]:
    """Return what `find_segments` does, and the length of all segments if it is one, otherwise 0."""
    import numpy as np

    bounds, found = np.empty(len(x) + 1, np.int64), np.empty(3, np.int64)
    each(find_bounds, 1, np.ascontiguousarray(x), bounds, found)
    count, descends, length = found.tolist()
    return bounds[: count + 1], not descends, length


def segment_numbers(bounds: Array) -> Array:
    """Return the number of the segment of each number of a vector, given where the segments start and end."""
    import numpy as np

    return np.repeat(np.arange(len(bounds) - 1), np.diff(bounds))


def stable_order(x: Array) -> Array:
    """Return the order that sorts a vector in which equal numbers keep their order.

    numpy's stable sort takes several times as long as its default one, which has vector instructions. The positions of
    equal numbers are therefore sorted afterwards, as the lower halves of integers with the segment of the number above.
    """
    import numpy as np

    order = np.argsort(x)
    bounds, _ = find_segments(x[order])
    return order if len(bounds) > len(x) else np.sort(segment_numbers(bounds) << 32 | order) & 0xFFFFFFFF


def order_within(bounds: Array, order: Array, keys: Array) -> Array:
    """Return the order with each segment sorted by the keys of its members, the largest first; equal keys stay."""
    import numpy as np

    found, spare = np.array(order), np.empty_like(order)
    each(sort_segment, len(bounds) - 1, bounds, keys, found, spare)
    return found


def segment_sums(x: Array, bounds: Array) -> Array:
    """Return the sum of each segment of a sorted array, along its first axis."""
    import numpy as np

    return np.add.reduceat(x, bounds[:-1], axis=0) if len(bounds) > 1 else x[:0]


def segment_softmax(x: Array, bounds: Array) -> tuple[Array, Array]:
    """Return the softmax within each segment of a sorted vector, and the log of each sum of exponentials."""
    import numpy as np

    count = len(bounds) - 1
    shares, norms = np.empty_like(x), np.empty(count, x.dtype)
    each(fill_softmax, -(-count // TOGETHER), np.ascontiguousarray(x), bounds, shares, norms)
    return shares, norms


def blocks_of_pairs(rows: int, columns: int, itemsize: int) -> Iterator[slice]:
    """Yield slices of rows, each of so many that a block of them by all columns takes 4 MiB, or one row."""
    step = rows_of_block(columns, itemsize)
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def rows_of_block(columns: int, itemsize: int) -> int:
    """How many rows by so many columns take 4 MiB, or one."""
    return max(1, BLOCK // max(1, columns * itemsize))


def find_bounds(_: int, x: Any, bounds: Any, found: Any) -> None:
    """Fill the bounds of the segments; `found` gets their number, whether the vector descends, and a common length."""
    # A loop without a branch, which is vectorized. Segments of one length begin at its multiples, and take no other.
    count, descends = min(len(x), 1), False
    for i in range(1, len(x)):
        count += x[i] != x[i - 1]
    length = len(x) // max(count, 1)
    is_common = count * length == len(x)
    for g in range(count):
        bounds[g] = g * length
        is_common &= g == 0 or x[g * length] != x[g * length - 1]
        descends |= g > 0 and x[g * length] < x[g * length - 1]
    if not is_common:
        count, length, descends = 0, 0, False
        for i in range(len(x)):
            if i == 0 or x[i] != x[i - 1]:
                bounds[count] = i
                descends |= i > 0 and x[i] < x[i - 1]
                count += 1
    bounds[count] = len(x)
    found[0], found[1], found[2] = count, descends, length


def sort_segment(g: int, bounds: Any, keys: Any, order: Any, spare: Any) -> None:
    """Sort the members of one segment: runs of RUN by insertion, which are then merged."""
    first, last = bounds[g], bounds[g + 1]
    for start in range(first, last, RUN):
        for i in range(start + 1, min(start + RUN, last)):
            member, at = order[i], i
            while at > start and keys[order[at - 1]] < keys[member]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = member
    length = RUN
    while length < last - first:
        for start in range(first, last, 2 * length):
            middle, end = min(start + length, last), min(start + 2 * length, last)
            left, right = start, middle
            for at in range(start, end):
                from_left = right == end or (left < middle and keys[order[left]] >= keys[order[right]])
                spare[at] = order[left] if from_left else order[right]
                left, right = left + from_left, right + (not from_left)
        for at in range(first, last):
            order[at] = spare[at]
        length *= 2


def fill_softmax(block: int, x: Any, bounds: Any, shares: Any, norms: Any) -> None:
    """Fill the softmax of TOGETHER segments; their exponentials are one loop, which is vectorized if they are short."""
    T = type(x[0])
    first, last = block * TOGETHER, min((block + 1) * TOGETHER, len(norms))
    for g in range(first, last):
        own = x[bounds[g] : bounds[g + 1]]
        norms[g] = largest(own)
        for i in range(len(own)):
            shares[bounds[g] + i] = own[i] - norms[g]
    for i in range(bounds[first], bounds[last]):
        shares[i] = exp(shares[i])
    for g in range(first, last):
        own = shares[bounds[g] : bounds[g + 1]]
        mass = wide_sum(own, own, first_of)
        for i in range(len(own)):
            own[i] = T(own[i] / mass)
        norms[g] = T(norms[g] + log(mass))
