"""Arrays that callers give as `out`: what they share memory with, and how they are filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import may_share_memory, ndarray

from lossreg.errors import InvalidInput
from lossreg.kernels.drivers.slabs import SLAB

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.criterion.checked_call import Call

    Array = np.ndarray[Any, Any]

DIRECT, GUARDED, OVERLAPPING, IN_PLACE = "direct", "guarded", "overlapping", "in place"
"""How an array given as `out` is filled: by the loop; by a copy at the end, since the call may still raise; by a copy
at the end, since it shares memory with an array that the loop reads; by the loop over the input itself, row by row."""

OWNDATA = 0x4
"""The bit of an array's flags that says that it owns its memory. To read flags takes a tenth of a microsecond."""


def layouts_of(out: Any, readers: Sequence[Array], flags_of_readers: Iterable[int]) -> tuple[Any, ...]:
    """Type, shape and flags of each array given as `out`, and what it shares memory with; None for anything else.

    `readers` are the arrays that the call reads. One of them that the array shares memory with is given as its
    position, or as -1 - position if it is the same array; another array of `out` is given as "out".
    """
    found: tuple[Any, ...] = ()
    before: tuple[Array, ...] = ()
    owned = OWNDATA
    for flags in flags_of_readers:
        owned &= flags
    for x in out if out.__class__ is tuple else (out,):
        if not isinstance(x, ndarray):
            found += (None,)
            continue
        shared: tuple[Any, ...] = ()
        flags = x.flags.num
        separate = flags & owned  # two arrays that own their memory share none
        for at, y in enumerate(readers):
            if x is y or (not separate and may_share_memory(x, y)):
                shared += (-1 - at if x is y or same_array(x, y) else at,)
        for y in before:
            if overlap(x, y):
                shared += ("out",)
        before += (x,)
        found += ((x.dtype, x.shape, flags, shared),)
    return found


def overlap(x: Array, y: Array) -> bool:
    """Whether two arrays share an element; interleaved views of one array do not."""
    return may_share_memory(x, y) and np.shares_memory(x, y)


def same_array(x: Array, y: Array) -> bool:
    """Whether two arrays are the same view of the same memory."""
    same_layout = x.dtype == y.dtype and x.shape == y.shape and x.strides == y.strides
    return same_layout and x.ctypes.data == y.ctypes.data


def filling(call: Call, at: int, x: Array, layout: Any) -> str:
    """How the array `x` for the slope at a position is filled: one of the names above."""
    shared = layout[-1]
    if "out" in shared:
        raise InvalidInput(f"{call.bound.loss}: expected arrays that share no memory as out; got two that do")
    large = x.size > SLAB
    if not shared:
        return DIRECT if large or not call.bound.checked else GUARDED
    return IN_PLACE if call.bound.by_row and large and shared == (-1 - call.bound.slope_inputs[at],) else OVERLAPPING
