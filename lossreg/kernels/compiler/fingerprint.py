"""Fingerprints: hashes of everything that determines the code of a loop, which are part of its name in the cache.

The key of numba's own cache covers the source file and the closure of a function, but neither its globals nor the
functions that it calls.
"""

from __future__ import annotations

import types
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numba import __version__

from lossreg.kernels.compiler.bytecode import callees, codes, referenced_values
from lossreg.kernels.compiler.options import is_stock

KERNELS = Path(__file__).parents[1]


def fingerprint(*decisive: Any) -> str:
    """The generation, followed by a hash of the arguments: functions, with all that they call, and plain values."""
    digest = sha256()
    for entry in decisive:
        functions = [entry, *callees(entry)] if isinstance(entry, types.FunctionType) else []
        for function in functions:
            for code in codes(function.__code__):
                constants = [constant for constant in code.co_consts if not isinstance(constant, types.CodeType)]
                digest.update(repr((code.co_code, constants, code.co_names, code.co_varnames)).encode())
            defaults = dict(enumerate(function.__defaults__ or ()))
            for values in (referenced_values(function), defaults, function.__kwdefaults__ or {}):
                plain = {str(name): encoded for name, x in values.items() if (encoded := as_bytes(x)) is not None}
                digest.update(repr(sorted(plain.items())).encode())
        if not functions:
            digest.update(repr(entry).encode())
    return generation(stock=is_stock()) + digest.hexdigest()[:16]


def as_bytes(value: Any) -> bytes | None:
    """Encode a plain value; return None for any other object, such as a function."""
    if isinstance(value, np.ndarray):
        return repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    return repr(value).encode() if isinstance(value, bool | int | float | str | tuple | np.generic) else None


@cache
def generation(*, stock: bool) -> str:
    """A hash of what affects every loop: the source of lossreg.kernels, the compiler used, and the version of numba."""
    sources = b"".join(path.read_bytes() for path in sorted(KERNELS.rglob("*.py")))
    return sha256(f"{__version__} {stock}\n".encode() + sources).hexdigest()[:8]
