"""Read the bytecode of a kernel: which functions it calls, which values it refers to, and its control flow."""

from __future__ import annotations

import dis
import opcode
import types
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics import stable, sums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIBRARIES = {"numpy", "numba", "math"}

FOR_ITER = opcode.opmap["FOR_ITER"]

TRANSCENDENTAL = {stable.exp, stable.expm1, stable.log, stable.log1p, stable.log_sum, stable.stirling_error}


def callees(function: Any) -> Iterator[types.FunctionType]:
    """Yield the Python functions that a function calls, directly or not, without those of LIBRARIES."""
    seen = {function}
    waiting = [function]
    while waiting:
        for value in referenced_values(waiting.pop()).values():
            if isinstance(value, types.FunctionType) and value not in seen:
                seen.add(value)
                if value.__module__.partition(".")[0] not in LIBRARIES:
                    waiting.append(value)
                    yield value


def referenced_values(function: Any) -> dict[str, Any]:
    """The globals, the attributes of modules and the closure variables that a function's code refers to, by name."""
    names = [name for code in codes(function.__code__) for name in code.co_names]
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    modules = [value for value in found.values() if isinstance(value, types.ModuleType)]
    found |= {f"{m.__name__}.{name}": getattr(m, name) for m in modules for name in names if hasattr(m, name)}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return found | {name: cell.cell_contents for name, cell in cells}


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield a code object and those of the functions nested in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def loops(function: Callable[..., Any]) -> bool:
    """Whether a function has a loop of its own. To inline such a function gains little and multiplies the code."""
    return FOR_ITER in function.__code__.co_code[::2]


@lru_cache(1024)
def has_uniform_control_flow(function: Callable[..., Any]) -> bool:
    """Whether no loop depends on the data: no `while`, and no return from a loop, in the kernel or what it calls."""
    return not has_data_dependent_loop(function) and not any(map(has_data_dependent_loop, callees(function)))


def has_data_dependent_loop(function: Callable[..., Any]) -> bool:
    """Whether a function has a `while` loop, or a loop and more than one return."""
    steps = {step.offset: step for step in dis.get_instructions(function)}
    # The argument of the FOR_ITER of a long loop begins in an instruction before it.
    targets: dict[int, dis.Instruction] = {}
    for step in reversed(steps.values()):
        targets[step.offset] = targets[step.offset + 2] if step.opcode == dis.EXTENDED_ARG else step
    back = [targets[step.argval] for step in steps.values() if step.opcode in dis.hasjrel and step.argval < step.offset]
    ends = sum(step.opname.startswith("RETURN") for step in steps.values())
    return any(step.opcode != FOR_ITER for step in back) or (bool(back) and ends > 1)


@lru_cache(1024)
def calls_transcendentals(function: Callable[..., Any]) -> bool:
    """Whether a kernel computes exponentials or logarithms.

    Then the vector loop pays for the transposition of rows; without, it does not: nll takes 1.4 times as long with it.
    """
    return not TRANSCENDENTAL.isdisjoint(callees(function))


@lru_cache(1024)
def adds_in_float64(function: Callable[..., Any]) -> bool:
    """Whether a kernel adds up in float64, which halves the numbers in a vector where a loop over a row is vectorized.

    Functions of the kernel's own module count: the kernel of a second derivative calls the one of the loss. In float32
    the vector loop then takes half the time of the scalar one for multi_margin of 10 classes.
    """
    own = [function, *(x for x in callees(function) if x.__module__ == function.__module__)]
    return any(sums.wide in referenced_values(x).values() for x in own)
