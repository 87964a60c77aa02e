"""Kernels in plain Python with the arithmetic of compiled code: 1 / 0 is inf, log(-1) is nan, and nothing is raised.

Numbers are numpy's, and the functions of `math` give the limits that compiled code gives where Python raises.
"""

from __future__ import annotations

import math
import types
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.plain_python.checked_rows import UnfilledSlope
from lossreg.definition.plain_python.substitution import SubstitutedModule, copy_function

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

KEPT = ("lossreg.kernels.numerics", "numpy")
"""The packages whose functions are not replaced: they keep the type of numpy's numbers and do not raise."""

POLES = {"lgamma": math.inf, "gamma": math.inf, "cosh": math.inf}
"""The results of functions of `math` that numpy lacks where they raise, if these are not nan."""

OTHER_NAMES = {f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")} | {
    "pow": "power"
}
"""The names in numpy of functions that have another name in `math`."""

_copies: dict[types.FunctionType, types.FunctionType] = {}


def number(x: Any) -> Any:
    """Return a number, or the numbers of a list, as numpy's; anything else, a bool too, is returned unchanged."""
    if isinstance(x, list | tuple):
        return [number(each) for each in x]
    if isinstance(x, float):
        return np.float64(x)
    return np.int64(x) if isinstance(x, int) and not isinstance(x, bool) else x


def writable_copy(x: Any) -> Any:
    """Return a copy of an array, which can be written to if the array can; or a number as numpy's."""
    if not isinstance(x, np.ndarray):
        return number(x)
    copy = x.copy()
    copy.flags.writeable = x.flags.writeable
    return copy


def read_only(array: Any) -> Any:
    """Return a view of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view


def errors_ignored() -> AbstractContextManager[None]:
    """Return a context in which numpy gives limits without a warning."""
    context: AbstractContextManager[None] = np.errstate(all="ignore")
    return context


def plain_number(x: Any) -> Any:
    """Return a number, or the numbers of a list, as Python's."""
    if isinstance(x, list | tuple):
        return type(x)(plain_number(each) for each in x)
    return x.item() if isinstance(x, np.generic) else x


def compiled_like(function: Any) -> types.FunctionType:
    """Return a copy of a function that computes as compiled code does, as do the functions that it calls."""
    return copy_function(function, substitute, _copies)


def substitute(value: Any, name: str) -> Any:
    """Return the replacement of a value that a function refers to, so that it computes as compiled code does."""
    value = getattr(value, "py_func", value)  # the plain function of one that numba compiles
    if isinstance(value, np.ndarray | list):  # a constant of compiled code
        return read_only(value) if isinstance(value, np.ndarray) else tuple(value)
    if isinstance(value, types.ModuleType):
        return value if value.__name__.startswith(KEPT) else SubstitutedModule(value, substitute)
    if isinstance(value, types.FunctionType):
        return value if value.__module__.startswith(KEPT) else compiled_like(value)
    if value is float or value is type:
        return np.float64 if value is float else type_of
    if isinstance(value, types.BuiltinFunctionType) and getattr(math, name, None) is value:
        return with_limits(name)
    return value


def type_of(x: Any) -> Any:
    """Return the type of a number, also of a slope that is not filled."""
    return np.float64 if isinstance(x, UnfilledSlope) else type(x)


@cache
def with_limits(name: str) -> Callable[..., Any]:
    """Return the function of `math`, with the limit that compiled code gives where it raises."""
    function, namesake = getattr(math, name), getattr(np, OTHER_NAMES.get(name, name), None)

    def limited(*x: Any) -> Any:
        try:
            outcome = function(*x)
        except (ValueError, OverflowError):
            return namesake(*x) if namesake else np.float64(POLES.get(name, math.nan))
        return np.float64(outcome) if isinstance(outcome, float) else outcome

    return limited
