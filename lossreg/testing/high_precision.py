"""Kernels in 60 digits: the same code, in plain Python on mpmath's numbers, is the reference for what it compiles to.

What a kernel calls from `math` or numpy takes floats only. So a copy of the kernel runs, and of each function of its
author's that it calls, in which those names stand for mpmath's, with the limits that compiled code gives: log(0) is
-inf, 1 / 0 is inf, the root of a negative number is nan.
"""

from __future__ import annotations

import math
import types
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.evaluate_point import evaluate
from lossreg.definition.roles import Role
from lossreg.errors import MissingExtra
from lossreg.kernels.numerics import distances, stable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition.signature import Form

DIGITS = 60
TYPELESS = (stable.__name__, distances.__name__)
"""What calculates in any numbers as it stands."""
MORE_DIGITS = 400
"""For what comes out as 0, inf or nan in 60 digits: the kernel may have cancelled all of them."""


@cache
def context() -> Any:
    """Mpmath with its own precision, whose division gives inf and nan as compiled code does."""
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


def number(x: Any) -> Any:
    """A float, or a row or setting of them, as exact numbers; anything else as it is."""
    if isinstance(x, list | tuple | np.ndarray):
        return [number(each) for each in x]
    return context().mpf(float(x)) if isinstance(x, float | np.floating) else x


NAMESAKES = {"loggamma": ("lgamma",), "power": ("pow",), "fabs": ("abs", "absolute"), "mag": (), "isfinite": ()} | {
    f"a{name}": (f"arc{name}",) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "tan2")
}


@cache
def stand_ins() -> dict[str, Callable[..., Any]]:
    """Mpmath's functions under the names that math and numpy have for them."""
    own = context()
    found = {name: own_function(name) for name in dir(math) if callable(getattr(own, name, None))}
    for ours, names in NAMESAKES.items():
        found |= {name: own_function(ours) for name in names if hasattr(own, ours)}
    found["copysign"] = lambda x, y: abs(x) if y >= 0 else -abs(x)
    found["log2"] = lambda x: own_function("log")(x, 2)
    found["maximum"], found["minimum"] = max, min
    return found


def own_function(name: str) -> Callable[..., Any]:
    """Mpmath's function of that name; where it has a pole the limit, where it leaves the real numbers nan."""
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


class StandIn:
    """`math`, `numpy` or another module of functions, in 60 digits where there is a namesake."""

    def __init__(self, module: types.ModuleType) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return precise(getattr(self.module, name), name)


@cache
def copied(function: types.FunctionType) -> types.FunctionType:
    """A copy of a function that calculates in 60 digits, as does what it calls."""
    copy = types.FunctionType(function.__code__, {**function.__globals__}, function.__name__, function.__defaults__)
    copy.__kwdefaults__ = function.__kwdefaults__
    for name in [name for code in codes(function.__code__) for name in code.co_names]:
        if name in function.__globals__:
            value = function.__globals__[name]
            copy.__globals__[name] = copy if value is function else precise(value, name)
    if not function.__closure__:
        return copy
    cells = tuple(
        types.CellType(precise(cell.cell_contents, name))
        for cell, name in zip(function.__closure__, function.__code__.co_freevars, strict=True)
    )
    return types.FunctionType(copy.__code__, copy.__globals__, copy.__name__, copy.__defaults__, cells)


def precise(value: Any, name: str) -> Any:
    """What stands for a global, an attribute or a closed-over value in 60 digits."""
    if isinstance(value, types.ModuleType):
        return value if value is stable else StandIn(value)
    if isinstance(value, types.FunctionType):
        return value if value.__module__ in TYPELESS else copied(value)
    if isinstance(value, float) and value == getattr(math, name, None):
        return +getattr(context(), name) if name in ("pi", "e") else value
    if isinstance(value, types.BuiltinFunctionType | np.ufunc) and getattr(math, name, getattr(np, name, 0)) is value:
        return stand_ins().get(name, value)
    return value


def codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """A function's code and that of the functions inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from codes(constant)


def reference(form: Form, point: tuple[Any, ...], parameters: dict[str, Any], digits: int = DIGITS) -> list[Any]:
    """The value and all slopes of one element or row, one after the other, by the kernel in so many digits."""
    own = context()
    parameters = {name: precise(value, name) for name, value in form.resolve(parameters).items()}
    if ignored(form, point, parameters):
        graded = (x for x, entry in zip(point, form.inputs, strict=True) if entry.name in form.slopes)
        return [own.mpf(0)] * (1 + sum(len(x) if isinstance(x, list) else 1 for x in graded))
    with own.workdps(digits):
        return flat(evaluate(copy_of(form), point, parameters))


def settled(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> list[Any]:
    """The reference of a finite point, with more digits where it comes out as 0, inf or nan."""
    outcome = reference(form, point, parameters)
    doubtful = any(x == 0 or not context().isfinite(x) for x in outcome)
    return reference(form, point, parameters, MORE_DIGITS) if doubtful else outcome


@cache
def copy_of(form: Form) -> Form:
    """The form with the copy of its kernel that calculates in 60 digits."""
    from dataclasses import replace

    return replace(form, kernel=precise(form.kernel, form.kernel.__name__))


def flat(outcome: tuple[Any, ...]) -> list[Any]:
    """The value, then every slope; a complex number is none."""
    own = context()
    entries = [x for each in outcome for x in (each if isinstance(each, list | tuple) else [each])]
    return [own.nan if isinstance(x, own.mpc) else own.mpf(x) for x in entries]


def ignored(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> bool:
    """Whether a point has the label that is left out."""
    labels = [parameters[parameter.name] for parameter in form.parameters if parameter.role is Role.IGNORED_LABEL]
    return bool(labels) and any(x in labels for x in point if isinstance(x, int))
