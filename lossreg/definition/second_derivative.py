"""Kernels made of a kernel and its second derivative by the first input.

A hessian has the inputs and parameters of a kernel. By element it returns the second derivative; by row it fills a row
with the diagonal of the second derivatives. `fused` adds it to the kernel as one more slope, in one pass: the compiler
shares their common subexpressions. `product` makes a kernel of the product of the Hessian matrix and a vector.
"""

from __future__ import annotations

import inspect
from types import FunctionType
from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import Real, Slope
from lossreg.definition.domains import REAL
from lossreg.definition.parameters import HESSIAN, Parameter, fills_hessian
from lossreg.definition.signature import EXACT, Form, Input
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CURVATURE = "curvature"
"""The parameter of a kernel whose second derivative is replaced by one number."""
VECTOR = "vector"
"""The input that the Hessian matrix is multiplied by."""
PRODUCT = "product"
"""The name of the product among the outputs of a kernel."""


def curvature_of_element(curvature: float) -> float:
    """Return the number that replaces the second derivative."""
    return curvature


def curvature_of_row(hessian: Any, curvature: float) -> None:
    """Fill a row with the number that replaces the second derivative."""
    for j in range(len(hessian)):
        hessian[j] = curvature


def with_hessian(form: Form, settings: Mapping[str, Any], which: str = EXACT) -> Form:
    """Return the form whose kernel gives value, slope and second derivative by the first input in one pass.

    `which` is a name of `form.hessians`, or "curvature" for a number that becomes a parameter. Parameters that choose a
    branch are fixed to the values in `settings` and are not parameters of the new form.

    Raises InvalidDefinition if the kernel has no such hessian.
    """
    hessian = (curvature_of_row if form.by_row else curvature_of_element) if which == CURVATURE else None
    hessian = hessian or form.hessians.get(which)
    if hessian is None or not form.fusible:
        raise InvalidDefinition(f"{form.kernel.__name__}: no second derivative {which!r} is declared")
    switches, parameters = split_parameters(form, settings)
    if which == CURVATURE:
        parameters += (Parameter(CURVATURE, Real),)
    kernel = fused(form.kernel, hessian, [x.name for x in form.inputs], form.slope_rows, switches)
    rows = (form.slope_rows[0], HESSIAN) if form.by_row else ()
    return Form(kernel, form.inputs, rows, (), parameters, (), outputs=(form.inputs[0].name, HESSIAN))


def with_product(form: Form, settings: Mapping[str, Any]) -> Form:
    """Return the form of the product of the Hessian matrix and a vector, the last input: its only slope.

    Raises InvalidDefinition if the kernel has no second derivatives.
    """
    second = form.hessian_product if form.by_row else form.hessian
    if second is None:
        raise InvalidDefinition(f"{form.kernel.__name__}: no second derivative is declared")
    switches, parameters = split_parameters(form, settings)
    kernel = product(second, [x.name for x in form.inputs], by_row=form.by_row, switches=switches)
    inputs = (*form.inputs, Input(VECTOR, REAL, form.inputs[0].axis))
    return Form(kernel, inputs, (PRODUCT,) if form.by_row else (), (), parameters, (), outputs=(PRODUCT,))


def split_parameters(form: Form, settings: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Parameter, ...]]:
    """Return the values of the parameters that choose a branch, and the other parameters."""
    values = form.resolve(settings)
    others = tuple(parameter for parameter in form.parameters if parameter.name not in form.switches)
    return {name: values[name] for name in form.switches}, others


def fused(
    kernel: Callable[..., Any],
    hessian: Callable[..., Any],
    inputs: list[str],
    rows: tuple[str, ...],
    switches: Mapping[str, Any],
) -> Callable[..., Any]:
    """Return a kernel that gives value, slope and second derivative by the first input.

    Where a second derivative is inf or nan, the value is nan, which makes the reduced value nan: to look at every
    second derivative afterwards would take half the time of the call itself.

    `inputs` and `rows` are the names of the kernel's inputs and slope rows. By row it fills the rows `slope` and
    `hessian`, and fills no slopes of other inputs. The hessian may be the kernel itself, if that fills both. `switches`
    are the parameters that choose a branch, with their values: constants in the new kernel, so that only the chosen
    branch is compiled. A hessian with the parameter `curvature` adds it to those of the kernel.
    """
    names = [name for name in inspect.signature(kernel).parameters if name not in switches]
    names = names[:-1] if fills_hessian(kernel) else names
    settings = [name for name in names if name not in (*inputs, *rows)]
    settings += [CURVATURE] * (CURVATURE in inspect.signature(hessian).parameters)
    # Arguments are passed by position, because compiled code does not support keyword-only arguments.
    to_kernel = ", ".join("None" if name in rows[1:] else name for name in names)
    to_hessian = arguments(hessian, [*inputs, *settings], HESSIAN, switches)
    if rows:
        named = [*inputs, rows[0], HESSIAN, *settings]
        own = f"    value = kernel({to_kernel}, hessian=hessian)\n"
        body = own if hessian is kernel else f"    hessian_of({to_hessian})\n    value = kernel({to_kernel})\n"
        body += "    return value + nan_unless_finite(hessian)\n"
    else:
        named = [*inputs, *settings]
        body = f"    outcome, second = kernel({to_kernel}), hessian_of({to_hessian})\n"
        body += "    return outcome[0] + (second - second), outcome[1], second\n"
    return written(f"{kernel.__name__}_with_hessian", named, body, switches, kernel=kernel, hessian_of=hessian)


def nan_unless_finite(hessian: Slope) -> float:
    """Return 0 if all second derivatives of a row are finite, else nan."""
    found = type(hessian[0])(0)
    for j in range(len(hessian)):
        found += hessian[j] - hessian[j]
    return found


def product(
    second: Callable[..., Any], inputs: list[str], *, by_row: bool, switches: Mapping[str, Any]
) -> Callable[..., Any]:
    """Return a kernel of value 0, whose slope is the product of the Hessian matrix and the input `vector`.

    `second` is the hessian of a kernel by element; by row it fills a row with the product itself.
    """
    known = [*inputs, VECTOR]
    settings = [name for name in inspect.signature(second).parameters if name not in switches]
    settings = [name for name in settings if name not in known][by_row:]
    to_second = arguments(second, [*known, *settings], PRODUCT, switches)
    if by_row:
        named = [*known, PRODUCT, *settings]
        body = f"    second({to_second})\n    return type({VECTOR}[0])(0)\n"
    else:
        named = [*known, *settings]
        body = f"    return type({VECTOR})(0), second({to_second}) * {VECTOR}\n"
    return written(f"{second.__name__}_product", named, body, switches, second=second)


def arguments(function: Callable[..., Any], known: list[str], row: str, switches: Mapping[str, Any]) -> str:
    """Write the arguments of a call in the order of the function; an argument without a replacement is a slope row."""
    names = [name for name in inspect.signature(function).parameters if name not in switches]
    return ", ".join(name if name in known else row for name in names)


def written(
    name: str, named: list[str], body: str, switches: Mapping[str, Any], **functions: Callable[..., Any]
) -> Callable[..., Any]:
    """Return a function of the named arguments, whose body calls functions with the switches as constants.

    A compiled kernel needs a signature of its own, so it is written out, as dataclasses do with their methods.
    """
    values = tuple(switches.values())
    space: dict[str, Any] = {nan_unless_finite.__name__: nan_unless_finite}
    for key, function in functions.items():
        has_switches = set(switches) <= set(inspect.signature(function).parameters)
        space[key] = with_defaults(function, values if has_switches else ())
    exec(f"def made({', '.join(named)}):\n{body}", space)  # noqa: S102  every name is an argument of an author's function
    made: Callable[..., Any] = space["made"]
    made.__name__, made.__module__ = name, next(iter(functions.values())).__module__
    return made


def with_defaults(function: Callable[..., Any], last: tuple[Any, ...]) -> Callable[..., Any]:
    """Return a copy of a function whose last arguments have these defaults, and which takes all by position."""
    code = function.__code__
    code = code.replace(co_argcount=code.co_argcount + code.co_kwonlyargcount, co_kwonlyargcount=0)
    last += (None,) * fills_hessian(function)
    copy = FunctionType(code, function.__globals__, function.__name__, last, function.__closure__)
    copy.__annotations__ = function.__annotations__
    return copy
