"""What a loop is compiled with: its kernel, its guard, and the operations that templates call.

It is imported when there is something to compile. A loop that is found on disk does without, and in half the time.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from numba import njit
from numba.extending import register_jitable

from lossreg.kernels.compiler.bytecode import callees, loops
from lossreg.kernels.compiler.intrinsics import arrays, cast, items, scratch
from lossreg.kernels.compiler.options import EXACT, REORDERED
from lossreg.kernels.compiler.pipeline import INNER, PartCompiler, RowCompiler
from lossreg.kernels.elementary.polynomials import COMPILED
from lossreg.kernels.loops.domain_checks import guard
from lossreg.kernels.loops.scaled_slopes import filled
from lossreg.kernels.numerics import distances, stable
from lossreg.kernels.simd import if_conversion  # noqa: F401  it adds its pass
from lossreg.kernels.simd.row_buffers import gather, lane_rows, lanes_at, put, rooms, safe, scatter, weights_at
from lossreg.kernels.simd.vector_call import together
from lossreg.kernels.simd.vector_rows import any_lane, choose

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form

OPERATIONS = {
    each.__name__: each
    for each in (
        *(arrays, cast, filled, items, scratch),
        *(any_lane, choose, gather, lane_rows, lanes_at, put, rooms, safe, scatter, together, weights_at),
    )
}
"""By name: what templates call that is no plain function."""


def parts(
    function: Callable[..., Any],
    options: dict[str, Any] = EXACT,
    switches: tuple[Any, ...] = (),
    form: Form | None = None,
) -> dict[str, Any]:
    """What is filled in a template: the function as its kernel, the guard of a form if there is one, operations."""
    guards = {} if form is None else {"guard": compiled(guard(form), EXACT)}
    inline = form is not None or not loops(function)
    pipeline = PartCompiler if form is None else RowCompiler
    return {**OPERATIONS, **guards, "kernel": compiled(function, options, switches, inline=inline, pipeline=pipeline)}


def compiled(
    function: Callable[..., Any],
    options: dict[str, Any],
    switches: tuple[Any, ...] = (),
    *,
    inline: bool = True,
    pipeline: type[PartCompiler] = PartCompiler,
) -> Callable[..., Any]:
    """The function as others may call it in compiled code, with every function of its author's that it calls.

    Its last arguments are the switches: constants, and functions that it calls.
    """
    for callee in callees(function):
        make_callable(callee, EXACT)
    settled = [compiled(x, options, inline=not loops(x), pipeline=pipeline) if callable(x) else x for x in switches]
    # All arguments by position: the loops have them in a row.
    code = function.__code__
    code = code.replace(co_argcount=code.co_argcount + code.co_kwonlyargcount, co_kwonlyargcount=0)
    copy = types.FunctionType(code, function.__globals__, function.__name__, tuple(settled), function.__closure__)
    return njit(copy, **options, **INNER | {"forceinline": inline, "pipeline_class": pipeline})


_callable: set[Callable[..., Any]] = set(COMPILED)


def make_callable(
    function: Callable[..., Any], options: dict[str, Any], pipeline: type[PartCompiler] = PartCompiler
) -> None:
    """Let compiled code call a plain function."""
    if function not in _callable:
        _callable.add(function)
        inner = INNER | {"forceinline": not loops(function), "pipeline_class": pipeline}
        register_jitable(**options, **inner)(function)


for _module, _pipeline in ((stable, PartCompiler), (distances, RowCompiler)):
    for _function in vars(_module).values():
        if isinstance(_function, types.FunctionType):
            make_callable(_function, REORDERED if "row" in _function.__annotations__ else EXACT, _pipeline)
