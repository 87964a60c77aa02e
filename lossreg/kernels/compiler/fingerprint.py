"""Fingerprints: what decides the code of a loop, as a few letters in the names of its files.

numba's cache goes by the source file and the closure of the function it compiles, and sees neither its globals nor what
it calls.
"""

from __future__ import annotations

import types
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numba import __version__

from lossreg.kernels.compiler.bytecode import callees, codes, reached
from lossreg.kernels.compiler.options import is_stock

KERNELS = Path(__file__).parents[1]


def fingerprint(*decisive: Any) -> str:
    """The generation, and a hash of what is given: functions, with what they call, and plain values."""
    digest = sha256()
    for entry in decisive:
        functions = [entry, *callees(entry)] if isinstance(entry, types.FunctionType) else []
        for function in functions:
            for code in codes(function.__code__):
                constants = [constant for constant in code.co_consts if not isinstance(constant, types.CodeType)]
                digest.update(repr((code.co_code, constants, code.co_names, code.co_varnames)).encode())
            defaults = dict(enumerate(function.__defaults__ or ()))
            for values in (reached(function), defaults, function.__kwdefaults__ or {}):
                plain = {str(name): told for name, x in values.items() if (told := as_bytes(x)) is not None}
                digest.update(repr(sorted(plain.items())).encode())
        if not functions:
            digest.update(repr(entry).encode())
    return generation(stock=is_stock()) + digest.hexdigest()[:16]


def as_bytes(value: Any) -> bytes | None:
    """A plain value as a fingerprint takes it; None for what is none, such as a function."""
    if isinstance(value, np.ndarray):
        return repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    return repr(value).encode() if isinstance(value, bool | int | float | str | tuple | np.generic) else None


@cache
def generation(*, stock: bool) -> str:
    """A hash of what decides the code of every loop: the source of this package, the compiler, and numba's version."""
    sources = b"".join(path.read_bytes() for path in sorted(KERNELS.rglob("*.py")))
    return sha256(f"{__version__} {stock}\n".encode() + sources).hexdigest()[:8]
