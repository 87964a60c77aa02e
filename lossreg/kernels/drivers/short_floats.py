"""float16 and bfloat16: compiled conversion to float32, in which loops compute, and back.

numpy converts a float16 that is subnormal, as most gradients of means are, in 20 to 270 times the time of another one;
here each takes the same time. Numbers are rounded to the nearest, ties to even, as numpy and ml_dtypes round.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]

convert: Any = None
"""The conversion of one number, which each clone of the loop has as a function of its own."""

FLOAT16 = np.dtype(np.float16)
BITS = np.dtype(np.uint16)


def is_bfloat16(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is the bfloat16 of ml_dtypes, which need not be installed."""
    return dtype.kind == "V" and dtype.name == "bfloat16"


def is_short(dtype: np.dtype[Any]) -> bool:
    """Whether a dtype is float16 or bfloat16, in any byte order."""
    return dtype.num == FLOAT16.num or is_bfloat16(dtype)


def convert_all(source: Any, target: Any) -> None:
    """Convert the bits of numbers to float32, or float32 to bits."""
    for i in range(target.size):
        target[i] = convert(source[i])


@cache
def conversion(dtype: np.dtype[Any], *, to_float32: bool) -> Callable[[Array, Array], None] | None:
    """The compiled loop that converts a type to float32 or back; None if it is neither float16 nor bfloat16."""
    if not is_short(dtype):
        return None
    # Most calls convert nothing, and this module is imported before anything is compiled.
    from lossreg.kernels.compiler.fingerprint import fingerprint
    from lossreg.kernels.compiler.options import EXACT
    from lossreg.kernels.compiler.specialize import clone
    from lossreg.kernels.drivers.compiled_loops import entry_point, numba_type

    name = f"{'widen' if to_float32 else 'narrow'}_{dtype.name}"

    def link() -> dict[str, Any]:
        from lossreg.kernels.simd.short_formats import NARROW, WIDEN

        return {"convert": (WIDEN if to_float32 else NARROW)[dtype.name]}

    kinds = ((np.float32, 1), (np.uint16, 1))
    function = clone(convert_all, f"{name}_{fingerprint(name)}", {}, link, EXACT)
    return entry_point(function, tuple(map(numba_type, kinds[::-1] if to_float32 else kinds)), name)


def bits_of(x: Array) -> Array:
    """View a float16 or bfloat16 array as unsigned integers in its byte order."""
    return x.view(BITS if x.dtype.isnative else BITS.newbyteorder())


def widened(x: Array) -> Array:
    """Convert a float16 or bfloat16 array of any layout to a new C-contiguous float32 array."""
    convert, made = conversion(x.dtype, to_float32=True), np.empty(x.shape, np.float32)
    assert convert is not None  # noqa: S101  the type is one of the two
    flags = x.flags
    # The bits are copied first if they are not contiguous, which takes less time than the conversion.
    native = flags.c_contiguous and flags.aligned and x.dtype.isnative
    bits = x.view(BITS) if native else np.require(bits_of(x), BITS, ("C", "A"))
    convert(bits.reshape(-1), made.reshape(-1))
    return made


def assign(out: Array, x: Array) -> None:
    """Copy an array to another of the same shape and of any layout, rounded to its type."""
    if x.dtype == out.dtype:  # the look-up below takes longer than a small copy
        out[...] = x
        return
    convert = conversion(out.dtype, to_float32=False) if x.dtype == np.float32 and out.ndim else None
    if convert is None:
        with np.errstate(all="ignore"):  # a number that the type cannot hold becomes inf or 0
            out[...] = x
        return
    direct = out.flags.c_contiguous and out.flags.aligned and out.dtype.isnative
    made = out.view(BITS) if direct else np.empty(out.shape, BITS)
    convert(np.ascontiguousarray(x).reshape(-1), made.reshape(-1))
    if not direct:
        bits_of(out)[...] = made


def rounded(x: Array, dtype: np.dtype[Any]) -> Array:
    """An array rounded to a type; the array itself if it has that type."""
    if x.dtype == dtype or not is_short(dtype):
        return x.astype(dtype, copy=False)
    made = np.empty(x.shape, dtype)
    assign(made, x)
    return made
