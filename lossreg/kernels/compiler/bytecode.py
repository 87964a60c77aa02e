"""What the code of a kernel says: which functions it calls, which values it mentions, and how its steps follow."""

from __future__ import annotations

import dis
import opcode
import types
from functools import cache
from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics import stable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LIBRARIES = {"numpy", "numba", "math"}

FOR_ITER = opcode.opmap["FOR_ITER"]

ELEMENTARY = {stable.exp, stable.expm1, stable.log, stable.log1p, stable.log_sum, stable.stirling_error}


def callees(function: Any) -> Iterator[types.FunctionType]:
    """The plain functions that a function calls, and those that they call; the libraries' own apart."""
    seen = {function}
    waiting = [function]
    while waiting:
        for value in reached(waiting.pop()).values():
            if isinstance(value, types.FunctionType) and value not in seen:
                seen.add(value)
                if value.__module__.partition(".")[0] not in LIBRARIES:
                    waiting.append(value)
                    yield value


def reached(function: Any) -> dict[str, Any]:
    """The globals, the attributes of modules, and the closure that a function's code mentions, by name."""
    names = [name for code in codes(function.__code__) for name in code.co_names]
    found = {name: function.__globals__[name] for name in names if name in function.__globals__}
    modules = [value for value in found.values() if isinstance(value, types.ModuleType)]
    found |= {f"{m.__name__}.{name}": getattr(m, name) for m in modules for name in names if hasattr(m, name)}
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return found | {name: cell.cell_contents for name, cell in cells}


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def loops(function: Callable[..., Any]) -> bool:
    """Whether a function has a loop of its own: such a one need not be inlined, which multiplies what is compiled."""
    return FOR_ITER in function.__code__.co_code[::2]


@cache
def straight(function: Callable[..., Any]) -> bool:
    """Whether a kernel does the same steps whatever it finds: no `while`, no return from a loop, in all it calls."""
    return not waits(function) and not any(map(waits, callees(function)))


def waits(function: Callable[..., Any]) -> bool:
    """Whether a function goes on, or ends, with a loop by what it finds."""
    steps = {step.offset: step for step in dis.get_instructions(function)}
    back = [steps[step.argval] for step in steps.values() if step.opcode in dis.hasjrel and step.argval < step.offset]
    ends = sum(step.opname.startswith("RETURN") for step in steps.values())
    return any(step.opcode != FOR_ITER for step in back) or (bool(back) and ends > 1)


@cache
def laborious(function: Callable[..., Any]) -> bool:
    """Whether a kernel takes exponentials or logarithms, which repays turning rows: nll takes 1.4 times as long so."""
    return not ELEMENTARY.isdisjoint(callees(function))
