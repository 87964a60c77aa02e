"""The compiled loops of kernels: which loop serves a kernel, a float type and a set of outputs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import from_dtype, types

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.roles import Role
from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.numba_api import NumbaError, Tuple
from lossreg.kernels.compiler.options import EXACT, REORDERED
from lossreg.kernels.compiler.specialize import clone, in_short
from lossreg.kernels.loops import scalar
from lossreg.kernels.loops.vector import elements_abreast, rows_abreast

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form

TEMPLATES = {
    True: (scalar.rows, rows_abreast),
    False: (scalar.elementwise, elements_abreast),
}
"""By whether a form takes rows: the loop for one at a time, and for several."""


def linked(*kernel: Any) -> Callable[[], dict[str, Any]]:
    """The function that imports, when a loop is compiled, the kernel and all else that its template calls."""

    def link() -> dict[str, Any]:
        from lossreg.kernels.loops.linking import parts

        return parts(*kernel)

    return link


@cache
def form_loop(
    form: Form, real: type, switches: tuple[Any, ...], stored: tuple[int, ...], over: int = -1, *, abreast: bool = False
) -> Callable[..., bool]:
    """The compiled loop of a form: for a float type, the parameters that choose a branch, and the slopes to store.

    `over` is the input whose memory the only slope is written to, row by row; `abreast` says that several rows, or
    elements, are taken at a time.
    """
    single, several = TEMPLATES[form.by_row]
    template = several if abreast else single
    by_row = tuple(row_axis_of(p.annotation) is not None for p in form.parameters if p.name not in form.switches)
    filled = {
        "REAL": real,
        "STORED": len(stored),
        "INPUTS": len(form.inputs),
        "BY_ROW": by_row,
        "OVER": over,
    }
    # numba's entry imports the kernel's module again, so a copy of a plugin under another name has an entry of its own.
    decisive = (
        form.kernel,
        form.kernel.__module__,
        *(entry.domain.contains for entry in form.inputs),
        *(entry.role for entry in form.inputs),
        *(parameter.role is Role.IGNORED_LABEL for parameter in form.parameters),
        real.__name__,
        *switches,
        by_row,
        stored,
        over,
    )
    name = f"{form.kernel.__name__}_{real.__name__}_{fingerprint(*decisive)}"
    # The loop itself is exact: the same bits with a gradient and without, in vectors and behind them. What may be
    # reordered is the sum of a block, which is a part of its own, and a kernel's sums over its rows.
    kernel = (form.kernel, REORDERED if form.by_row else EXACT, switches, form)
    return clone(template, name, filled, linked(*kernel), EXACT)


@cache
def sample_loop(function: Callable[..., None]) -> Callable[..., None]:
    """The compiled loop that calls a function for every sample."""
    return clone(scalar.each, f"{function.__name__}_{fingerprint(function, function.__module__)}", {}, linked(function))


@cache
def form_entry(
    form: Form,
    real: type,
    switches: tuple[Any, ...],
    stored: tuple[int, ...],
    over: int,
    abreast: bool,
    beside: tuple[Any, ...],
    operands: tuple[Any, ...],
) -> Callable[..., bool]:
    """The compiled code of a form's loop, for the kinds of values, weights and mask, and of what else it takes."""
    function = form_loop(form, real, switches, stored, over, abreast=abreast)
    numbers = (types.float64, *[types.int64] * 4)
    kinds = (numba_type((np.float64, 1)), *map(numba_type, beside), *numbers, numba_type(operands))
    return entry_point(function, kinds, form.kernel.__name__)


def entry_point(function: Any, kinds: tuple[Any, ...], name: str) -> Callable[..., Any]:
    """The compiled code for arguments of these types, called without a search; those under a star are one tuple here.

    Raises InvalidDefinition, with the name of what is compiled, where it does not compile.
    """
    if kinds not in function.overloads:
        try:
            function.compile(kinds)
        except NumbaError as error:
            raise InvalidDefinition(f"{name}: the kernel does not compile:\n{in_short(error)}") from error
    return function.get_overload(kinds)


def numba_type(kind: Any) -> Any:
    """numba's type of a kind of argument: a type of numbers, or None; numbers with axes; or a tuple of kinds.

    They are told apart by their form: `(np.float32, 2)` is a contiguous array of two axes.
    """
    if kind is None:
        return types.none
    if not isinstance(kind, tuple):
        return from_dtype(np.dtype(kind))
    if len(kind) == 2 and isinstance(kind[1], int):
        return types.Array(from_dtype(np.dtype(kind[0])), kind[1], "C")
    return Tuple([*map(numba_type, kind)])


def kind_of(x: Any) -> Any:
    """The kind of a parameter: a number, or an array of contiguous numbers."""
    return (x.dtype.type, x.ndim) if isinstance(x, np.ndarray) else type(x)
