"""The second derivative of a kernel by element, written by differentiating its slope as it runs.

The kernel runs once on numbers that record every operation with its derivative by the first input. Where it asks
whether a condition holds, the written function has a branch, and the kernel runs again for each side. What is written
is compared with differences of the slope, at 0 and at ties above all, and refused where it is something else: a
derivative of abs or max is wrong where both of its sides meet.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lossreg.definition.plain_python.evaluate_point import evaluate_as_compiled
from lossreg.definition.plain_python.substitution import copy_function
from lossreg.definition.second_derivative import with_hessian
from lossreg.errors import InvalidParameter
from lossreg.kernels.differentiation.recorded_numbers import (
    FUNCTIONS,
    Recorded,
    Recording,
    UndecidedError,
    recorded_value,
    slope,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Form

MOST_BRANCHES = 64
"""The most ways through a kernel that are written down."""
TRIED = (0.0, 1.0, -1.0, 0.5, 2.0, -3.0, 0.3, -0.5, 4.5, -1.25)
"""The numbers at which the result is compared with differences, as far as they are in the domain of an input."""
MOST_POINTS = 256
"""The most combinations of them that are tried: the first numbers only, if there are many inputs."""
STEP, TOLERANCE, JUMP = 1e-6, 1e-3, 1e4
"""The step of the differences, how far they may be off, and above what they are those of a jump of the slope."""


def with_derived_hessians(loss: Loss, parameters: Mapping[str, Any]) -> Loss:
    """Return the loss with the second derivative of each form by element that declares none.

    Raises InvalidParameter if one cannot be written, or is not the derivative of the slope.
    """
    forms = []
    for form in loss.forms:
        declared = form
        if form.derivable:
            declared = replace(form, hessian=second_derivative(form, form.resolve(parameters)))
            compare_with_differences(form, with_hessian(declared, parameters), parameters)
        forms.append(declared)
    return replace(loss, forms=forms)


def second_derivative(form: Form, settings: dict[str, Any]) -> Callable[..., Any]:
    """Write the second derivative of a kernel by its first input, for these values of the parameters that are switches.

    Raises InvalidParameter if it cannot be written, or is not the derivative of the slope.
    """
    switches = {name: settings[name] for name in form.switches}
    names = [entry.name for entry in form.inputs]
    names += [parameter.name for parameter in form.parameters if parameter.name not in switches]
    function: Any = form.kernel
    kernel = copy_function(function, recorded_value, {})
    leaves = itertools.count(1)

    def body(decided: tuple[bool, ...], written: int, indent: str) -> list[str]:
        """The statements after those that are written, in the part of the kernel where these conditions are decided."""
        recording = Recording(decided)
        given: dict[str, Any] = {name: Recorded(recording, name) for name in names}
        given[names[0]].derivative = recording.assign("T(1)")
        try:
            result = slope(kernel(**given, **switches)[1])
        except UndecidedError:
            new = [indent + line for line in recording.statements[written:]]
            at, deeper = len(recording.statements), indent + "    "
            yes, no = (body((*decided, side), at, deeper) for side in (True, False))
            return [*new, f"{indent}if {recording.condition}:", *yes, f"{indent}else:", *no]
        if next(leaves) > MOST_BRANCHES:
            raise InvalidParameter("the kernel has too many branches")
        lines = [*recording.statements[written:], f"return {'T(0)' if result is None else f'T({result.name})'}"]
        return [indent + line for line in lines]

    try:
        lines = body((), 0, "    ")
    except InvalidParameter as error:
        raise refused(form, str(error)) from None
    except (TypeError, AttributeError, ValueError) as error:
        raise refused(form, f"the kernel does what is not followed: {error}") from error
    space: dict[str, Any] = {**FUNCTIONS, "INFINITY": math.inf, "NAN": math.nan, "__name__": form.kernel.__module__}
    source = f"def {form.kernel.__name__}_hessian({', '.join(names)}):\n    T = type({names[0]})\n"
    exec(source + "\n".join(lines), space)  # noqa: S102  every name is an argument of an author's function
    made: Callable[..., Any] = space[f"{form.kernel.__name__}_hessian"]
    made.__module__ = form.kernel.__module__
    return made


def refused(form: Form, reason: str) -> InvalidParameter:
    """The error of a kernel whose second derivative cannot be derived."""
    name = form.kernel.__name__
    return InvalidParameter(f"{name}: no second derivative can be derived: {reason}; declare it with @{name}.hessian")


def compare_with_differences(form: Form, fused: Form, parameters: Mapping[str, Any]) -> None:
    """Raise InvalidParameter where the second derivative of `fused` is not the difference of the slopes of `form`."""
    parameters = {name: x.flat[0] if hasattr(x, "flat") else x for name, x in parameters.items()}
    most = math.floor(MOST_POINTS ** (1 / len(form.inputs)))
    values = [[x for x in TRIED if bool(entry.domain.contains(x))][:most] or [1.0] for entry in form.inputs]
    own = {parameter.name for parameter in fused.parameters}
    for point in itertools.product(*values):
        found = evaluate_as_compiled(fused, point, {k: x for k, x in parameters.items() if k in own})[2]
        here = evaluate_as_compiled(form, point, parameters)[1]
        steps = [step for step in (-STEP, STEP) if bool(form.inputs[0].domain.contains(point[0] + step))]
        moved = [evaluate_as_compiled(form, (point[0] + step, *point[1:]), parameters)[1] for step in steps]
        sides = [(there - here) / step for there, step in zip(moved, steps, strict=True)]
        sides = [side for side in sides if abs(side) < JUMP]
        if sides and not any(abs(found - side) <= TOLERANCE * (1 + abs(side)) for side in sides):
            got = f"at {point} it would be {found:g}, and the slope changes by {sides[-1]:g}"
            raise refused(form, got)
