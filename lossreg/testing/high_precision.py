"""Kernels with 60 digits: the reference for compiled code is the same kernel in plain Python on mpmath's numbers.

Functions of `math` and numpy take floats only. So a copy of the kernel runs, with copies of the functions that it
calls, in which these names refer to mpmath's functions. They return the limits that compiled code returns: log(0) is
-inf, 1 / 0 is inf, the root of a negative number is nan.
"""

from __future__ import annotations

import math
import types
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.plain_python.evaluate_point import evaluate
from lossreg.definition.plain_python.substitution import SubstitutedModule, copy_function
from lossreg.definition.roles import Role
from lossreg.errors import MissingExtra
from lossreg.kernels.numerics import distances, stable

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form

DIGITS = 60
ANY_NUMBERS = (stable.__name__, distances.__name__)
"""The modules whose functions compute with numbers of any type."""
MORE_DIGITS = 400
"""The digits if the result with 60 is 0, inf or nan: the kernel may have cancelled all of them."""
LARGEST_EXPONENT = 1e6
"""From here on, powers of e are inf or 0, far beyond every float: mpmath needs a time that grows with the exponent, and
does not end at those that a kernel makes of extreme points, such as the square of another power."""

_copies: dict[types.FunctionType, types.FunctionType] = {}
"""The copies of functions that compute with 60 digits."""


@cache
def context() -> Any:
    """Return an mpmath context of its own precision, in which 1 / 0 is inf and (-1) ** 0.5 is nan, as compiled."""
    try:
        import mpmath
    except ImportError as error:
        raise MissingExtra("the conformance kit needs mpmath: pip install 'lossreg[testing]'") from error
    own = mpmath.MPContext()
    own.dps = DIGITS
    divide, power = own.mpf.__truediv__, own.mpf.__pow__

    def quotient(x: Any, y: Any) -> Any:
        try:
            return divide(x, y)
        except ZeroDivisionError:
            return x * own.inf

    def real_power(x: Any, y: Any) -> Any:
        try:
            outcome = power(x, y)
        except ZeroDivisionError:  # 0 to a power below 0
            return own.inf
        return own.nan if isinstance(outcome, own.mpc) else outcome

    own.mpf.__truediv__, own.mpf.__pow__ = quotient, real_power
    for name, limit in (("exp", 0), ("expm1", -1)):
        setattr(own, name, limited(getattr(own, name), own.inf, own.mpf(limit)))
    own.mpf.__rtruediv__ = lambda x, y: own.mpf(y) / x
    own.mpf.__rpow__ = lambda x, y: own.mpf(y) ** x
    return own


def limited(power_of_e: Callable[[Any], Any], above: Any, below: Any) -> Callable[[Any], Any]:
    """Return a function like exp with its limits in place of the powers beyond LARGEST_EXPONENT."""

    def function(x: Any) -> Any:
        if abs(x) > LARGEST_EXPONENT:
            return above if x > 0 else below
        return power_of_e(x)

    return function


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


def precise_value(value: Any, name: str) -> Any:
    """Return what replaces a global, an attribute or a closed-over value for 60 digits."""
    if isinstance(value, types.ModuleType):
        return value if value is stable else SubstitutedModule(value, precise_value)
    if isinstance(value, types.FunctionType):
        return value if value.__module__ in ANY_NUMBERS else copy_function(value, precise_value, _copies)
    if isinstance(value, float) and value == getattr(math, name, None):
        return +getattr(context(), name) if name in ("pi", "e") else value
    if isinstance(value, types.BuiltinFunctionType | np.ufunc) and getattr(math, name, getattr(np, name, 0)) is value:
        return mpmath_functions().get(name, value)
    return value


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


@lru_cache(1024)
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
