"""The compiled loops of kernels: which template serves a kernel, a float type and a set of outputs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import from_dtype, types

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.roles import Role
from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.borrowed_arrays import BorrowedArray, Extent
from lossreg.kernels.compiler.bytecode import calls_transcendentals
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.numba_api import COMPILE_ERRORS, Tuple, machine_code
from lossreg.kernels.compiler.options import EXACT, LOCK_BY_EXTENT, REORDERED
from lossreg.kernels.compiler.specialize import clone, error_summary
from lossreg.kernels.loops import scalar_loops
from lossreg.kernels.loops.row_layout import ElementLayout, RowLayout
from lossreg.kernels.loops.vector_loops import vector_elements, vector_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form

TEMPLATES = {
    True: (scalar_loops.rows, vector_rows),
    False: (scalar_loops.elementwise, vector_elements),
}
"""By whether a form takes rows: the scalar template and the vector template."""
KEPT = 1024
"""How many loops a process keeps, so that the losses that a notebook redefines do not fill the memory."""


def linker(*kernel: Any, **settings: Any) -> Callable[[], dict[str, Any]]:
    """The function that imports what a template calls, and is only called when a loop is compiled."""

    def link() -> dict[str, Any]:
        from lossreg.kernels.loops.linking import parts

        return parts(*kernel, **settings)

    return link


@lru_cache(KEPT)
def form_loop(
    form: Form,
    real: type,
    switches: tuple[Any, ...],
    stored: tuple[int, ...],
    overwritten: int = -1,
    *,
    vectorized: bool = False,
) -> Callable[..., tuple[float, bool]]:
    """The loop of a form for a float type, values of its switches, and slopes to store; it compiles when it is called.

    `overwritten` is the input whose memory receives the only slope, row by row, or -1; `vectorized` chooses the
    template that takes several rows or elements at a time.
    """
    scalar_template, vector_template = TEMPLATES[form.by_row]
    template = vector_template if vectorized else scalar_template
    by_row = tuple(row_axis_of(p.annotation) is not None for p in form.parameters if p.name not in form.switches)
    filled = {
        "REAL": real,
        "STORED": len(stored),
        "INPUTS": len(form.inputs),
        "BY_ROW": by_row,
        "OVER": overwritten,
        "BUFFERED": calls_transcendentals(form.kernel),
    }
    # numba's index refers to the kernel's module by name, so that a copy of a plugin under another name needs an entry
    # of its own.
    decisive = (
        form.kernel,
        form.kernel.__module__,
        *(entry.domain.contains for entry in form.inputs),
        *(entry.role for entry in form.inputs),
        *(entry.extra_classes for entry in form.inputs),
        *(parameter.role is Role.IGNORED_LABEL for parameter in form.parameters),
        real.__name__,
        *switches,
        by_row,
        stored,
        overwritten,
    )
    name = f"{form.kernel.__name__}_{real.__name__}_{fingerprint(*decisive)}"
    # The loop itself is exact: a value has the same bits with and without a gradient, and in the vectorized part of a
    # loop and its remainder. Only the sum of a block, which is a function of its own, and a kernel's sums over its rows
    # may be reordered.
    kernel = (form.kernel, REORDERED if form.by_row else EXACT, switches, form)
    return clone(template, name, filled, linker(*kernel), EXACT | LOCK_BY_EXTENT)


@lru_cache(KEPT)
def sample_loop(function: Callable[..., None]) -> Callable[..., None]:
    """The compiled loop that calls a function for every sample."""
    name = f"{function.__name__}_{fingerprint(function, function.__module__)}"
    return clone(scalar_loops.each, name, {}, linker(function, reordered_sums=True))


@lru_cache(KEPT)
def form_entry(
    form: Form,
    real: type,
    switches: tuple[Any, ...],
    stored: tuple[int, ...],
    overwritten: int,
    vectorized: bool,
    leading: tuple[Any, ...],
    operands: tuple[Any, ...],
) -> Callable[..., tuple[float, bool]]:
    """The compiled code of a form's loop for these kinds of leading arrays (values, weights, mask) and operands."""
    function = form_loop(form, real, switches, stored, overwritten, vectorized=vectorized)
    return entry_point(function, loop_kinds(leading, operands), form.kernel.__name__)


def loop_kinds(leading: tuple[Any, ...], operands: tuple[Any, ...]) -> tuple[Any, ...]:
    """The numba types of all arguments of a form's loop."""
    return numba_type((np.float64, 1)), *map(numba_type, leading), types.float64, numba_type(operands), Extent()


def form_address(compiled: tuple[Any, ...]) -> int:
    """The address of the machine code of a form's loop that `form_entry` has compiled with these arguments."""
    *loop, vectorized, leading, operands = compiled
    return machine_code(form_loop(*loop, vectorized=vectorized), loop_kinds(leading, operands))


def entry_point(function: Any, kinds: tuple[Any, ...], name: str) -> Callable[..., Any]:
    """The compiled code for arguments of these numba types, which is called without numba's dispatch.

    Raises InvalidDefinition, with `name`, if the function
    does not compile.
    """
    if kinds not in function.overloads:
        try:
            function.compile(kinds)
        except COMPILE_ERRORS as error:
            raise InvalidDefinition(f"{name}: the kernel does not compile:\n{error_summary(error)}") from error
    return function.get_overload(kinds)


def numba_type(kind: Any) -> Any:
    """Convert a kind of argument to numba's type.

    A kind is None; a RowLayout; a numpy scalar type; such a type or an ElementLayout with a number of axes, as in
    `(np.float32, 2)`, for a borrowed array; or a tuple of kinds.
    """
    if kind is None:
        return types.none
    if isinstance(kind, RowLayout):
        from lossreg.kernels.loops.rows_in_place import RowsInPlace

        return RowsInPlace(kind)
    if not isinstance(kind, tuple):
        return from_dtype(np.dtype(kind))
    if len(kind) == 2 and isinstance(kind[1], int):
        if isinstance(kind[0], ElementLayout):
            from lossreg.kernels.simd.stored_arrays import StoredArray

            return StoredArray(kind[0].stored, kind[1], adjacent=kind[0].adjacent)
        return BorrowedArray(from_dtype(np.dtype(kind[0])), kind[1])
    return Tuple([*map(numba_type, kind)])


def argument_kind(x: Any) -> Any:
    """The kind of a parameter that is a number or a C-contiguous array, as `numba_type` takes it."""
    return (x.dtype.type, 1) if isinstance(x, np.ndarray) else type(x)
