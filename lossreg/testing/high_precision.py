"""Kernels with 60 digits: the reference for compiled code is the same kernel in plain Python on mpmath's numbers.

Functions of `math` and numpy take floats only. So a copy of the kernel runs, with copies of the functions that it
calls, in which these names refer to mpmath's functions. They return the limits that compiled code returns: log(0) is
-inf, 1 / 0 is inf, the root of a negative number is nan.
"""

from __future__ import annotations

import math
import types
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.plain_python.evaluate_point import evaluate
from lossreg.definition.roles import Role
from lossreg.errors import MissingExtra
from lossreg.kernels.numerics import distances, stable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition.signature import Form

DIGITS = 60
ANY_NUMBERS = (stable.__name__, distances.__name__)
"""The modules whose functions compute with numbers of any type."""
MORE_DIGITS = 400
"""The digits if the result with 60 is 0, inf or nan: the kernel may have cancelled all of them."""


@cache
def context() -> Any:
    """Return an mpmath context with its own precision, in which a division by 0 is inf or nan as in compiled code."""
    try:
        import mpmath
    except ImportError as error:
        raise MissingExtra("the conformance kit needs mpmath: pip install 'lossreg[testing]'") from error
    own = mpmath.MPContext()
    own.dps = DIGITS
    divide = own.mpf.__truediv__

    def lenient(x: Any, y: Any) -> Any:
        try:
            return divide(x, y)
        except ZeroDivisionError:
            return x * own.inf

    own.mpf.__truediv__ = lenient
    own.mpf.__rtruediv__ = lambda x, y: own.mpf(y) / x
    return own


def exact_number(x: Any) -> Any:
    """Return a float, or a row of floats, as exact numbers; anything else is returned unchanged."""
    if isinstance(x, list | tuple | np.ndarray):
        return [exact_number(each) for each in x]
    return context().mpf(float(x)) if isinstance(x, float | np.floating) else x


OTHER_NAMES = {"loggamma": ("lgamma",), "power": ("pow",), "fabs": ("abs", "absolute"), "mag": (), "isfinite": ()} | {
    f"a{name}": (f"arc{name}",) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")
}


@cache
def mpmath_functions() -> dict[str, Callable[..., Any]]:
    """Return mpmath's functions under their names in math and numpy."""
    own = context()
    found = {name: mpmath_function(name) for name in dir(math) if callable(getattr(own, name, None))}
    for ours, names in OTHER_NAMES.items():
        found |= {name: mpmath_function(ours) for name in names if hasattr(own, ours)}
    found["copysign"] = lambda x, y: abs(x) if y >= 0 else -abs(x)
    found["log2"] = lambda x: mpmath_function("log")(x, 2)
    found["maximum"], found["minimum"] = max, min
    return found


def mpmath_function(name: str) -> Callable[..., Any]:
    """Return mpmath's function of a name; at a pole it returns the limit, and nan in place of a complex number."""
    own = context()
    function = getattr(own, name)

    def lenient(*x: Any) -> Any:
        if name.startswith("log") and x[0] == (-1 if name == "log1p" else 0):
            return -own.inf
        try:
            outcome = function(*x)
        except (ValueError, ZeroDivisionError):
            return own.nan
        return own.nan if isinstance(outcome, own.mpc) else outcome

    return lenient


class PreciseModule:
    """`math`, numpy or another module, whose functions compute with 60 digits if mpmath has them too."""

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return precise_value(getattr(self.module, name), name)


@cache
def precise_copy(function: types.FunctionType) -> types.FunctionType:
    """Return a copy of a function that computes with 60 digits, as do the functions that it calls."""
    copy = types.FunctionType(function.__code__, {**function.__globals__}, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    for name in [name for code in nested_code(function.__code__) for name in code.co_names]:
        if name in function.__globals__:
            value = function.__globals__[name]
            copy.__globals__[name] = copy if value is function else precise_value(value, name)
    if not function.__closure__:
        return copy
    cells = tuple(
        types.CellType(precise_value(cell.cell_contents, name))
        for cell, name in zip(function.__closure__, function.__code__.co_freevars, strict=True)
    )
    return types.FunctionType(copy.__code__, copy.__globals__, copy.__name__, copy.__defaults__, cells)


def precise_value(value: Any, name: str) -> Any:
    """Return what replaces a global, an attribute or a closed-over value for 60 digits."""
    if isinstance(value, types.ModuleType):
        return value if value is stable else PreciseModule(value)
    if isinstance(value, types.FunctionType):
        return value if value.__module__ in ANY_NUMBERS else precise_copy(value)
    if isinstance(value, float) and value == getattr(math, name, None):
        return +getattr(context(), name) if name in ("pi", "e") else value
    if isinstance(value, types.BuiltinFunctionType | np.ufunc) and getattr(math, name, getattr(np, name, 0)) is value:
        return mpmath_functions().get(name, value)
    return value


def nested_code(code: types.CodeType) -> Iterator[types.CodeType]:
    """Yield the code of a function and of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested_code(constant)


def reference(form: Form, point: tuple[Any, ...], parameters: dict[str, Any], digits: int = DIGITS) -> list[Any]:
    """Return the value and all slopes of one element or row as a flat list, computed with so many digits."""
    own = context()
    parameters = {name: precise_value(value, name) for name, value in form.resolve(parameters).items()}
    if is_ignored(form, point, parameters):
        graded = (x for x, entry in zip(point, form.inputs, strict=True) if entry.name in form.slopes)
        return [own.mpf(0)] * (1 + sum(len(x) if isinstance(x, list) else 1 for x in graded))
    with own.workdps(digits):
        return flat_numbers(evaluate(precise_form(form), point, parameters))


def reliable_reference(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> list[Any]:
    """Return the reference at a finite point, with MORE_DIGITS if the one with 60 is 0, inf or nan."""
    outcome = reference(form, point, parameters)
    doubtful = any(x == 0 or not context().isfinite(x) for x in outcome)
    return reference(form, point, parameters, MORE_DIGITS) if doubtful else outcome


@cache
def precise_form(form: Form) -> Form:
    """Return the form with a copy of its kernel that computes with 60 digits."""
    from dataclasses import replace

    return replace(form, kernel=precise_value(form.kernel, form.kernel.__name__))


def flat_numbers(outcome: tuple[Any, ...]) -> list[Any]:
    """Return the value and every slope as a list of real numbers, with nan in place of a complex number."""
    own = context()
    entries = [x for each in outcome for x in (each if isinstance(each, list | tuple) else [each])]
    return [own.nan if isinstance(x, own.mpc) else own.mpf(x) for x in entries]


def is_ignored(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> bool:
    """Whether a point has the label that is ignored."""
    labels = [parameters[parameter.name] for parameter in form.parameters if parameter.role is Role.IGNORED_LABEL]
    return bool(labels) and any(x in labels for x in point if isinstance(x, int))
