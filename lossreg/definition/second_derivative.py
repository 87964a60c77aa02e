"""Kernels that also give the second derivative of the value by the first input, made of a kernel and its hessian.

A hessian has the inputs and parameters of a kernel. By element it returns the second derivative; by row it fills a row
with the diagonal of the second derivatives. Both run in one pass, and the compiler shares their common parts.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

HESSIAN = "hessian"
"""The name of the second derivative among the outputs of a kernel."""


def fused(kernel: Callable[..., Any], hessian: Callable[..., Any], *, by_row: bool) -> Callable[..., Any]:
    """Return a kernel that gives value, slope and second derivative by the first input.

    By row it fills the rows `slope` and `hessian`, and neither fills nor asks for the slopes of other inputs.
    """
    arguments = inspect.signature(kernel).parameters
    own = [name for name in inspect.signature(hessian).parameters if name in arguments]
    passed = ", ".join(f"{name}={name}" for name in own)
    if by_row:
        filled = [name for name in arguments if name not in own]
        rows = ", ".join(f"{name}={name if at == 0 else None}" for at, name in enumerate(filled))
        (diagonal,) = (name for name in inspect.signature(hessian).parameters if name not in arguments)
        inputs = [name for name in own if arguments[name].default is inspect.Parameter.empty]
        named = ", ".join([*inputs, *filled[:1], HESSIAN, *(name for name in own if name not in inputs)])
        body = f"    hessian_of({passed}, {diagonal}={HESSIAN})\n    return kernel({passed}, {rows})\n"
    else:
        named = ", ".join(own)
        body = f"    outcome = kernel({passed})\n    return outcome[0], outcome[1], hessian_of({passed})\n"
    # A compiled kernel needs a signature of its own, so it is written out, as dataclasses do with their methods.
    space: dict[str, Any] = {"kernel": kernel, "hessian_of": hessian}
    exec(f"def fused({named}):\n{body}", space)  # noqa: S102  every name is an argument of the author's function
    made: Callable[..., Any] = space["fused"]
    made.__name__, made.__module__ = f"{kernel.__name__}_with_hessian", kernel.__module__
    return made
