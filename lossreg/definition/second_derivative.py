"""Kernels that also give the second derivative of the value by the first input: a kernel fused with its hessian.

A hessian has the inputs and parameters of a kernel. By element it returns the second derivative; by row it fills a row
with the diagonal of the second derivatives. Both run in one pass, and the compiler shares their common subexpressions.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HESSIAN = "hessian"
"""The name of the second derivative among the outputs of a kernel."""


def fused(
    kernel: Callable[..., Any], hessian: Callable[..., Any], switches: Mapping[str, Any], *, by_row: bool
) -> Callable[..., Any]:
    """Return a kernel that gives value, slope and second derivative by the first input.

    By row it fills the rows `slope` and `hessian`, and fills no slopes of other inputs. `switches` are the parameters
    that choose a branch, with their values: constants in the new kernel, so that only the chosen branch is compiled.
    """
    arguments, of_hessian = (inspect.signature(function).parameters for function in (kernel, hessian))
    rows = [name for name in arguments if name not in of_hessian]
    inputs = [name for name in arguments if name in of_hessian and arguments[name].default is inspect.Parameter.empty]
    settings = [name for name in arguments if name not in (*rows, *inputs, *switches)]
    # By position, in the order of either function: compiled code knows no arguments that are given by keyword only.
    to_kernel = ", ".join("None" if name in rows[1:] else name for name in arguments if name not in switches)
    to_hessian = ", ".join(name if name in arguments else HESSIAN for name in of_hessian if name not in switches)
    named = ", ".join([*inputs, *([rows[0], HESSIAN] if by_row else []), *settings])
    if by_row:
        body = f"    hessian_of({to_hessian})\n    return kernel({to_kernel})\n"
    else:
        body = f"    outcome = kernel({to_kernel})\n    return outcome[0], outcome[1], hessian_of({to_hessian})\n"
    # A compiled kernel needs a signature of its own, so it is written out, as dataclasses do with their methods.
    values = tuple(switches.values())
    space: dict[str, Any] = {"kernel": with_defaults(kernel, values), "hessian_of": with_defaults(hessian, values)}
    exec(f"def fused({named}):\n{body}", space)  # noqa: S102  every name is an argument of the author's function
    made: Callable[..., Any] = space["fused"]
    made.__name__, made.__module__ = f"{kernel.__name__}_with_hessian", kernel.__module__
    return made


def with_defaults(function: Callable[..., Any], last: tuple[Any, ...]) -> Callable[..., Any]:
    """Return a copy of a function whose last arguments have these defaults, and which takes all by position."""
    code = function.__code__
    code = code.replace(co_argcount=code.co_argcount + code.co_kwonlyargcount, co_kwonlyargcount=0)
    return FunctionType(code, function.__globals__, function.__name__, last, function.__closure__)
