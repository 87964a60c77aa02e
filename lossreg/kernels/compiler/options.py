"""Options of the compiler, and the sizes of blocks and vectors."""

from __future__ import annotations

import os
import warnings
from functools import cache
from typing import Any

from lossreg.errors import InvalidParameter

NUMBA_FROM, NUMBA_BELOW = (0, 62), (0, 69)
"""The versions of numba that lossreg's compiler is tested with: from the first, below the second."""

BLOCK = 2048
"""Numbers in a block: enough to vectorize, few enough for the L1 cache and for sums in float32."""
LANES = 16
"""Elements or rows that the vector loop takes at a time: as many as the widest vectors have float32 numbers."""

# No reordering, and no contraction of a multiply and an add into one instruction: LLVM decides on contraction by the
# surrounding code, and a value must have the same bits with and without a gradient. A division by 0 gives inf or nan: a
# check for it is a branch, which prevents vectorization.
EXACT = {"fastmath": False, "error_model": "numpy"}
# Sums may be reordered, which vectorizes them. Never "nnan" or "ninf": with them isnan is a constant.
REORDERED = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}
# Of a loop with an Extent, which decides whether Python's lock is released.
LOCK_BY_EXTENT = {"nogil": False}


def inner(options: dict[str, Any], *, inline: bool = True, distinct_rows: bool = False) -> dict[str, Any]:
    """numba's options for a function that only compiled code calls.

    It has no wrappers for other callers, which take a tenth of the compile time, and by default it is always inlined,
    without which the loop around it does not vectorize: LLVM does not inline log1p(exp(x)) of its own accord.
    `distinct_rows` promises that the rows that the function writes share no memory with any other array.
    """
    common = {**options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": inline}
    if is_stock():
        return common
    from lossreg.kernels.compiler.pipeline import InnerCompiler, RowCompiler

    return {**common, "pipeline_class": RowCompiler if distinct_rows else InnerCompiler}


@cache
def is_stock() -> bool:
    """Whether loops are compiled by numba's own pipeline, which takes longer and makes slower loops.

    The environment variable LOSSREG_COMPILER chooses it ("stock") or lossreg's pipeline ("lossreg"). By default
    lossreg's is used, except with versions of numba that it is not tested with.
    """
    given = os.environ.get("LOSSREG_COMPILER", "")
    if given not in ("", "lossreg", "stock"):
        raise InvalidParameter(f"LOSSREG_COMPILER: expected 'lossreg' or 'stock', got {given!r}")
    if given:
        return given == "stock"
    from numba import __version__

    known = NUMBA_FROM <= tuple(map(int, __version__.split(".")[:2])) < NUMBA_BELOW
    if not known:
        tested = "numba {}.{} to {}.{}".format(*NUMBA_FROM, NUMBA_BELOW[0], NUMBA_BELOW[1] - 1)
        warnings.warn(
            f"lossreg's compiler is tested with {tested}, and numba {__version__} is installed: numba's own compiler "
            "is used, which is slower. Set LOSSREG_COMPILER=lossreg to use lossreg's nevertheless",
            RuntimeWarning,
            stacklevel=2,
        )
    return not known
