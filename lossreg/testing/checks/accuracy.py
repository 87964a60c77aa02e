"""Checks of accuracy: compiled results in both float types against results with 60 digits."""

from __future__ import annotations

from functools import partial
from math import copysign, isinf, isnan, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.parameters import HESSIAN
from lossreg.testing.check import check_unless
from lossreg.testing.evaluation import describe, not_for_batch_kernels, output_names, outputs
from lossreg.testing.high_precision import MORE_DIGITS, context, exact_number, reference, reliable_reference
from lossreg.testing.results import EXACT, ULPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lossreg.definition.domains import Domain
    from lossreg.definition.signature import Form
    from lossreg.testing.cases import LossCase
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.points import Point
    from lossreg.testing.results import CheckRun

CLOSE = 2
"""Up to this error the change by the inputs is not computed, which takes time."""
ORDINARY = (1e-6, 1e3)
"""The smallest and the largest magnitude of ordinary numbers, beside 0."""
FAR = 1e300
"""The largest error that is reported."""
UNDERFLOW = 256
"""The smallest unit of an error, in smallest floats. An intermediate result that underflows keeps no digits, and its
error grows with the factors that follow, such as a logarithm of up to 745."""


@check_unless(not_for_batch_kernels)
def exact_in_float32(tested: LossUnderTest, run: CheckRun) -> None:
    """Graded: value and slopes are those of the kernel in 60 digits. Half of the digits must be right, or `ulps`."""
    exact_in(np.float32, tested, run)


@check_unless(not_for_batch_kernels)
def exact_in_float64(tested: LossUnderTest, run: CheckRun) -> None:
    """Graded: value and slopes are those of the kernel in 60 digits. Half of the digits must be right, or `ulps`."""
    exact_in(np.float64, tested, run)


def exact_in(real: Any, tested: LossUnderTest, run: CheckRun) -> None:
    """Compare the results with 60 digits at every finite point."""
    for case in tested.cases:
        for width, tried in tested.points(case, real):
            parameters = exact_parameters(case, width, real)
            # Plain Python comes first, as it checks every index: compiled code would not.
            references = [reliable_reference(case.form, tuple(map(exact_number, x)), parameters) for x in tried]
            results = outputs(tested, case, tried, real)
            for point, expected, found in zip(tried, references, results, strict=True):
                compare_with_reference(case, point, parameters, expected, found, real, run)


def exact_parameters(case: LossCase, width: int, real: Any) -> dict[str, Any]:
    """Return the parameters as exact numbers, rounded to the float type as in the compiled loop."""
    given = case.parameters_for(width)
    return {k: exact_number(np.array(v, real).tolist() if isinstance(v, float | list) else v) for k, v in given.items()}


def compare_with_reference(  # noqa: PLR0913, PLR0917  all that belongs to a point
    case: LossCase, point: Point, parameters: dict[str, Any], expected: list[Any], found: Any, real: Any, run: CheckRun
) -> None:
    """Measure the errors of the output_names at one point."""
    numbers = tuple(map(exact_number, point))
    units = [unit(y, real) for y in expected]
    plain = [distance(x, y, scale, real) for x, y, scale in zip(found, expected, units, strict=True)]
    # Of a kernel with second derivatives these only: where one is not finite, its value is nan.
    first = (len(plain) + 1) // 2 if HESSIAN in case.form.slopes else 0
    measured = range(first, len(plain))
    worst = max(measured, key=plain.__getitem__)
    run.figure("ulps without allowance for the inputs", plain[worst])
    errors = plain
    if CLOSE < plain[worst] < float("inf"):
        expected = reference(case.form, numbers, parameters, MORE_DIGITS) if plain[worst] > EXACT else expected
        scales = allowance(case.form, numbers, parameters, expected, real)
        errors = [distance(x, y, scale, real) for x, y, scale in zip(found, expected, scales, strict=True)]
        worst = max(measured, key=errors.__getitem__)
    name = output_names(case, point)[worst]

    def place() -> tuple[str, dict[str, Any]]:
        text, data = describe(case, point)
        return f"{name} of {text}", data

    if not is_ordinary(case, point):
        run.measure_extreme(errors[worst], EXACT, ULPS, place)
        return
    limit = run.bound or float(np.finfo(real).eps) ** -0.5
    explain = partial(diagnose, found[worst], expected[worst], errors[worst], real, place)
    run.measure(errors[worst], limit, ULPS, place, explain)


def is_ordinary(case: LossCase, point: Point) -> bool:
    """Whether no number of a point, and no parameter, is very small or very large."""
    low, high = ORDINARY
    given = [*point, *(x for x in case.parameters.values() if isinstance(x, float | tuple))]
    numbers = (x for each in given for x in (each if isinstance(each, list | tuple) else [each]))
    return all(x == 0 or low <= abs(x) <= high for x in numbers)


def ulp(x: Any, real: Any) -> Any:
    """Return one unit in the last place of x: the distance between the floats around it."""
    own, info = context(), np.finfo(real)
    if x == 0 or not own.isfinite(x):
        return own.ldexp(1, info.minexp - info.nmant)
    return own.ldexp(1, min(max(own.mag(x) - 1, info.minexp), info.maxexp - 1) - info.nmant)


def unit(x: Any, real: Any) -> Any:
    """Return the unit of the error of a result: one unit in its last place, but not below UNDERFLOW."""
    return max(ulp(x, real), UNDERFLOW * ulp(0, real))


def allowance(form: Form, point: Point, parameters: dict[str, Any], expected: list[Any], real: Any) -> list[Any]:
    """Return the unit of each output, or the change that one unit of each input makes in it if that is larger."""
    added = input_changes(form, point, parameters, real, expected)
    return [max(unit(x, real), change) for x, change in zip(expected, added, strict=True)]


def distance(found: Any, expected: Any, scale: Any, real: Any) -> float:
    """Return the error of a float as a multiple of `scale`; inf is right for every number that rounds to it."""
    own, info = context(), np.finfo(real)
    x = float(found)
    if isnan(x) or own.isnan(expected):
        return 0.0 if isnan(x) and own.isnan(expected) else float("inf")
    if isinf(x):
        missing = float(info.max) - expected * int(copysign(1, x))
        return 0.0 if missing <= EXACT * scale else float("inf")
    if abs(expected) > 2 * own.mpf(float(info.max)) and not abs(expected - x) <= EXACT * scale:
        return float("inf")
    return min(float(abs(x - expected) / scale), FAR)


def input_changes(form: Form, point: Point, parameters: dict[str, Any], real: Any, base: list[Any]) -> list[Any]:
    """Return the sum of the changes of each output if each input and parameter moves by one unit in its last place.

    Labels, and the numbers 0 and 1 of an input with bounds, are exact and do not move.
    """
    own = context()
    added = [own.mpf(0)] * len(base)
    for moved, settings in neighbours(form, point, parameters, real):
        there = reference(form, moved, settings)
        added = [
            so_far + abs(y - x) if own.isfinite(y - x) else so_far
            for so_far, x, y in zip(added, base, there, strict=True)
        ]
    return added


def neighbours(
    form: Form, point: Point, parameters: dict[str, Any], real: Any
) -> Iterator[tuple[Point, dict[str, Any]]]:
    """Yield the points and parameters that differ in one number by one unit in its last place."""
    for position, entry in enumerate(form.inputs):
        for moved in beside(point[position], entry.domain, real, (-1, 0, 1) if entry.domain.bounded else ()):
            yield (*point[:position], moved, *point[position + 1 :]), parameters
    for parameter in form.parameters:
        if parameter.domain is not None:
            for towards in (1, -1):  # there may be a kink at a parameter
                for moved in beside(parameters[parameter.name], parameter.domain, real, (), towards):
                    yield point, {**parameters, parameter.name: moved}


def beside(given: Any, domain: Domain, real: Any, fixed: tuple[int, ...], towards: int = 1) -> Iterator[Any]:
    """Yield a number, or a row with one number changed, moved by one ulp: away from 0 if the domain has the result."""
    for j, x in enumerate(given if isinstance(given, list) else [given]):
        if isinstance(x, int) or x in fixed or not context().isfinite(x):
            continue
        away = ulp(x, real) * (towards if x >= 0 else -towards)
        moved = next((y for y in (x + away, x - away) if domain.contains(y)), x)
        yield [*given[:j], moved, *given[j + 1 :]] if isinstance(given, list) else moved


def diagnose(found: Any, expected: Any, error: float, real: Any, place: Any) -> tuple[str, str]:
    """Return what is wrong at a point, and a hint what to write instead."""
    own, info = context(), np.finfo(real)
    message = f"{place()[0]} is {found}, expected {own.nstr(expected, 10)}"
    if not np.isfinite(found):
        return f"{message}: an intermediate result overflows or has no value, all digits lost", OVERFLOW
    digits = -log10(float(info.eps))
    lost = min(digits, log10(max(error, 1)))
    return f"{message}: {error:.3g} ulps, {lost:.0f} of {digits:.0f} digits lost", CANCELLATION


OVERFLOW = (
    "of lossreg.kernels.numerics, softplus(x) is log(1 + e^x) without overflow, largest and exp_below make a softmax, "
    "gap and times have the limits of inf - inf and 0 * inf; of lossreg.kernels.numerics, distance and angle do not "
    "overflow where they square"
)
CANCELLATION = (
    "of lossreg.kernels.numerics, softplus(-x) is -log(sigmoid(x)), sigmoid(-x) is 1 - sigmoid(x), log1p(x) is "
    "log(1 + x); of lossreg.kernels.numerics, angle gives cosines; or rewrite a difference of near numbers as one "
    "product"
)
