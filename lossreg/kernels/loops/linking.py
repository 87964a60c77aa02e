"""Link a template: the kernel, the guard and the operations that its code calls.

This module is imported only when a loop is compiled. A loop that is loaded from disk does not need it, and is ready in
half the time.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from numba import njit

from lossreg.definition.annotations import SlopeRowMarker, marker_inside, type_hints
from lossreg.definition.parameters import fills_hessian
from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.bytecode import LIBRARIES, codes, loops
from lossreg.kernels.compiler.intrinsics import arrays, cast, items, scaled, scratch, store_items
from lossreg.kernels.compiler.numba_api import known_to_numba
from lossreg.kernels.compiler.options import EXACT, REORDERED, inner, is_stock
from lossreg.kernels.elementary import (  # noqa: F401  importing them registers their functions
    atanh_remainder,
    error_function,
    extremes,
    lifted,
    powers,
    row_maps,
)
from lossreg.kernels.elementary.polynomials import COMPILED
from lossreg.kernels.elementary.row_sums import lane_sum
from lossreg.kernels.loops.domain_checks import guard
from lossreg.kernels.loops.row_parameters import row_parameters
from lossreg.kernels.loops.scaled_slopes import call_filling_slopes, call_plainly
from lossreg.kernels.numerics import distances, special, stable, sums
from lossreg.kernels.numerics.row_maps import fill_row, rescaled
from lossreg.kernels.simd.contiguous_vectors import leading, wide_lanes
from lossreg.kernels.simd.row_buffers import (
    allocate_row_buffers,
    lane_rows,
    load_rows,
    load_vectors,
    load_weights,
    mask_integers,
    store_rows,
    store_vector,
    store_vectors,
)
from lossreg.kernels.simd.stored_arrays import store_filled, to_fill
from lossreg.kernels.simd.vector_call import call_vectorized
from lossreg.kernels.simd.vector_rows import any_lane, choose

if not is_stock():
    from lossreg.kernels.loops.reordered_sums import SumCompiler
    from lossreg.kernels.simd import if_conversion  # noqa: F401  importing it registers its compiler pass

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from lossreg.definition.signature import Form

OPERATIONS = {
    operation.__name__: operation
    for operation in (
        *(arrays, cast, call_filling_slopes, items, row_parameters, scaled, scratch),
        *(store_filled, store_items, to_fill),
        *(any_lane, call_vectorized, choose, lane_rows, lane_sum, leading, mask_integers, wide_lanes),
        *(load_rows, load_vectors, load_weights, store_rows, store_vector, store_vectors, allocate_row_buffers),
    )
}
"""By name: the intrinsics that templates call."""
NUMERICS = (sums.accumulate, sums.block_sum, sums.compensated_add, sums.compensated_sum, fill_row, rescaled)
"""The functions of lossreg.kernels.numerics that templates call."""


def parts(
    function: Callable[..., Any],
    options: dict[str, Any] = EXACT,
    switches: tuple[Any, ...] = (),
    form: Form | None = None,
    *,
    reordered_sums: bool = False,
) -> dict[str, Any]:
    """The globals of a template: the function as `kernel`, the guard if there is a form, and the operations.

    With `reordered_sums` the sums of the function that are written `total += x` may be reordered, and nothing else.
    """
    is_form = form is not None
    inline = is_form or not loops(function)
    kernel = compiled(function, options, switches, inline=inline, distinct_rows=is_form, reordered_sums=reordered_sums)
    found = {**OPERATIONS, **{x.__name__: callee(x) for x in NUMERICS}, "kernel": kernel}
    if is_stock():
        found["call_filling_slopes"] = callee(call_plainly)
    if form is not None:
        found["guard"] = compiled(guard(form), EXACT)
    return found


def compiled(
    function: Callable[..., Any],
    options: dict[str, Any],
    switches: tuple[Any, ...] = (),
    *,
    inline: bool = True,
    distinct_rows: bool = False,
    reordered_sums: bool = False,
) -> Callable[..., Any]:
    """Compile a function for calls from compiled code, with all arguments by position.

    The last arguments get the values of the switches as defaults: constants, or functions that are compiled too.
    """
    defaults = tuple(
        compiled(x, options, inline=not loops(x), distinct_rows=distinct_rows) if callable(x) else x for x in switches
    )
    defaults += (None,) * fills_hessian(function)
    code = function.__code__
    code = code.replace(co_argcount=code.co_argcount + code.co_kwonlyargcount, co_kwonlyargcount=0)
    copy = copy_of(function, code, defaults)
    chosen = inner(options, inline=inline, distinct_rows=distinct_rows)
    if reordered_sums and not is_stock():
        chosen["pipeline_class"] = SumCompiler
    made: Callable[..., Any] = njit(copy, **chosen)
    link(copy)
    return made


INLINED = {distances.distance}
"""Functions that are inlined although they have loops: a call takes a tenth of the time of triplet_margin of 10."""

_callees: WeakKeyDictionary[Callable[..., Any], Any] = WeakKeyDictionary(COMPILED)
"""The compiled versions of the functions that kernels call."""


def callee(function: Any) -> Callable[..., Any]:
    """The function that compiled code calls in place of a plain one: a compiled copy, unless numba knows the function.

    Only functions that are linked here refer to the copy. If the function itself were registered with numba, all other
    numba code could call it too.
    """
    if function.__module__.partition(".")[0] in LIBRARIES or (function not in _callees and known_to_numba(function)):
        return function
    if function not in _callees:
        ours = function.__module__ in (stable.__name__, sums.__name__, special.__name__, distances.__name__)
        fills = fills_rows(function)
        options = REORDERED if fills or (ours and "row" in function.__annotations__) else EXACT
        copy = copy_of(function, function.__code__, function.__defaults__)
        distinct_rows = fills or function.__module__ == distances.__name__
        _callees[function] = njit(
            copy, **inner(options, inline=function in INLINED or not loops(function), distinct_rows=distinct_rows)
        )
        link(copy)  # after it is stored, because it may be recursive
    found: Callable[..., Any] = _callees[function]
    return found


def fills_rows(function: Any) -> bool:
    """Whether a function fills `Slope` rows, as kernels do: it is compiled as they are."""
    try:
        hints = type_hints(function)
    except (InvalidDefinition, TypeError):  # it need not have annotations that can be read
        return False
    return any(marker_inside(hint, SlopeRowMarker) for hint in hints.values())


def copy_of(function: Any, code: types.CodeType, defaults: tuple[Any, ...] | None) -> types.FunctionType:
    """Copy a function with separate globals and closure, which contain only what its code refers to."""
    names = referenced_names(code)
    own = {name: x for name, x in function.__globals__.items() if name in names or name.startswith("__")}
    closure = tuple(types.CellType(cell.cell_contents) for cell in function.__closure__ or ())
    copy = types.FunctionType(code, own, function.__name__, defaults, closure or None)
    copy.__kwdefaults__ = function.__kwdefaults__ if code is function.__code__ else None
    return copy


def link(function: types.FunctionType) -> None:
    """Replace the plain functions that a copy refers to by compiled ones."""
    names = referenced_names(function.__code__)
    space = function.__globals__
    space |= {name: linked(value, names) for name, value in space.items() if name in names}
    for cell in function.__closure__ or ():
        cell.cell_contents = linked(cell.cell_contents, names)


def referenced_names(code: types.CodeType) -> set[str]:
    """The names of globals and attributes that code refers to."""
    return {name for x in codes(code) for name in x.co_names}


def linked(value: Any, names: Container[str]) -> Any:
    """The value that compiled code refers to in place of a plain one: of a module, a copy with compiled functions."""
    if isinstance(value, types.FunctionType):
        return callee(value)
    if isinstance(value, types.ModuleType) and value.__name__.partition(".")[0] not in LIBRARIES:
        inside = {name: x for name, x in vars(value).items() if name in names and isinstance(x, types.FunctionType)}
        copy = types.ModuleType(value.__name__)
        vars(copy).update(vars(value) | {name: callee(x) for name, x in inside.items()})
        return copy
    return value
