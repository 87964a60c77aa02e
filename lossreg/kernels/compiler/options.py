"""How loops are compiled, and how much they take at a time."""

from __future__ import annotations

import os
import warnings
from functools import cache
from typing import Any

from lossreg.errors import InvalidParameter

NUMBA_FROM, NUMBA_BELOW = (0, 62), (0, 69)
"""The versions of numba that lossreg's own compiler is tested with."""

BLOCK = 2048
"""Numbers in a block: enough to vectorise, few enough for the first cache and for adding up in float32."""
LANES = 16
"""Elements or rows at a time: one vector of float32 where vectors are widest."""

# Nothing may be rearranged, not even a multiply and an add fused into one instruction: whether the compiler does that
# depends on what else is computed, and a value is to have the same bits with a gradient and without. A division by 0 is
# inf or nan: checking for it takes a branch, and with it the vector instructions.
EXACT = {"fastmath": False, "error_model": "numpy"}
# Sums may be reordered, which vectorises them. Never "nnan" or "ninf": they make isnan a constant.
REORDERED = {"fastmath": {"reassoc", "contract", "nsz", "arcp"}, "error_model": "numpy"}


def inner(options: dict[str, Any], *, inline: bool = True, distinct_rows: bool = False) -> dict[str, Any]:
    """numba's options for a function that only compiled code calls.

    It needs no wrappers for other callers, which take a tenth of the time to compile, and has to be inlined for a loop
    around it to vectorise: left to itself the compiler does not inline log1p(exp(x)). `distinct_rows` says that rows
    to fill share no memory with any other.
    """
    common = {**options, "no_cpython_wrapper": True, "no_cfunc_wrapper": True, "forceinline": inline}
    if is_stock():
        return common
    from lossreg.kernels.compiler.pipeline import PartCompiler, RowCompiler

    return {**common, "pipeline_class": RowCompiler if distinct_rows else PartCompiler}


@cache
def is_stock() -> bool:
    """Whether numba's own compiler compiles the loops: slower ones, in more time.

    The environment variable LOSSREG_COMPILER chooses it ("stock"), or lossreg's ("lossreg"). Unless it is set, numba's
    takes the place of lossreg's for a version of numba that lossreg's is not tested with.
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
            "is used, which is slower. LOSSREG_COMPILER=lossreg uses lossreg's all the same",
            RuntimeWarning,
            stacklevel=2,
        )
    return not known
