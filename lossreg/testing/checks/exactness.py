"""Checks of exactness: the compiled results in both float types against those of 60 digits."""

from __future__ import annotations

from functools import partial
from math import copysign, isinf, isnan, log10
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.testing.checks.check import check_unless
from lossreg.testing.high_precision import MORE_DIGITS, context, number, reference, settled
from lossreg.testing.points import points
from lossreg.testing.subject import at, by_arrays, compiled, outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lossreg.definition.domains import Domain
    from lossreg.definition.signature import Form
    from lossreg.testing.points import Case, Point
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject

ULPS = 4
"""How far a result may be from the exact one: this many units in its last place, or, as inputs are rounded too, this
many times what one unit in the last place of each input changes."""
CLOSE = 2
"""Up to here nobody asks what the inputs change, which takes time."""
FAR = 1e300
"""Errors of more units are told as this many."""
UNDERFLOW = 256
"""An error is measured in no less than this many of the smallest floats. What underflows on the way to a result keeps
no digits, and its error grows with what it is multiplied by, such as a logarithm of up to 745."""


@check_unless(by_arrays)
def exact_in_float32(subject: Subject, trial: Trial) -> None:
    """Value and slopes are those of the kernel in 60 digits, up to 4 units in the last place of result or inputs."""
    exact_in(np.float32, subject, trial)


@check_unless(by_arrays)
def exact_in_float64(subject: Subject, trial: Trial) -> None:
    """Value and slopes are those of the kernel in 60 digits, up to 4 units in the last place of result or inputs."""
    exact_in(np.float64, subject, trial)


def exact_in(real: Any, subject: Subject, trial: Trial) -> None:
    """Compare with 60 digits at every finite point."""
    for case in subject.cases:
        for width, tried in points(case, real):
            parameters = exact(case, width, real)
            results = compiled(case, tried, real)
            for point, found in zip(tried, results, strict=True):
                compare(case, point, parameters, found, real, trial)


def exact(case: Case, width: int, real: Any) -> dict[str, Any]:
    """The parameters as exact numbers, rounded as the compiled loop has them."""
    given = case.settings(width)
    return {k: number(np.array(v, real).tolist() if isinstance(v, float | list) else v) for k, v in given.items()}


def compare(  # noqa: PLR0913, PLR0917  a point in all its parts
    case: Case, point: Point, parameters: dict[str, Any], found: Any, real: Any, trial: Trial
) -> None:
    """Measure how far the outputs at one point are from their references."""
    numbers = tuple(map(number, point))
    expected = settled(case.form, numbers, parameters)
    units = [unit(y, real) for y in expected]
    plain = [distance(x, y, scale, real) for x, y, scale in zip(found, expected, units, strict=True)]
    worst = max(range(len(plain)), key=plain.__getitem__)
    trial.figure("ulps without allowance for the inputs", plain[worst])
    errors = plain
    if CLOSE < plain[worst] < float("inf"):
        expected = reference(case.form, numbers, parameters, MORE_DIGITS) if plain[worst] > ULPS else expected
        scales = allowance(case.form, numbers, parameters, expected, real)
        errors = [distance(x, y, scale, real) for x, y, scale in zip(found, expected, scales, strict=True)]
        worst = max(range(len(errors)), key=errors.__getitem__)
    name = outputs(case, point)[worst]

    def place() -> tuple[str, dict[str, Any]]:
        told, data = at(case, point)
        return f"{name} of {told}", data

    explain = partial(diagnose, found[worst], expected[worst], errors[worst], real, place)
    trial.measure(errors[worst], ULPS, "ulps", place, explain)


def ulp(x: Any, real: Any) -> Any:
    """The distance of the floats around x: one unit in its last place, in the extent of the type."""
    own, info = context(), np.finfo(real)
    if x == 0 or not own.isfinite(x):
        return own.ldexp(1, info.minexp - info.nmant)
    return own.ldexp(1, min(max(own.mag(x) - 1, info.minexp), info.maxexp - 1) - info.nmant)


def unit(x: Any, real: Any) -> Any:
    """What the error of a result is measured in: one unit in its last place."""
    return max(ulp(x, real), UNDERFLOW * ulp(0, real))


def allowance(form: Form, point: Point, parameters: dict[str, Any], expected: list[Any], real: Any) -> list[Any]:
    """One unit of each output, or what such a unit of an input changes in it, where that is more."""
    moved = changes(form, point, parameters, real, expected)
    return [max(unit(x, real), change) for x, change in zip(expected, moved, strict=True)]


def distance(found: Any, expected: Any, scale: Any, real: Any) -> float:
    """How many times `scale` a float is from its reference; inf is right for whatever rounds to it."""
    own, info = context(), np.finfo(real)
    x = float(found)
    if isnan(x) or own.isnan(expected):
        return 0.0 if isnan(x) and own.isnan(expected) else float("inf")
    if isinf(x):
        missing = float(info.max) - expected * int(copysign(1, x))
        return 0.0 if missing <= ULPS * scale else float("inf")
    if abs(expected) > 2 * own.mpf(float(info.max)) and not abs(expected - x) <= ULPS * scale:
        return float("inf")
    return min(float(abs(x - expected) / scale), FAR)


def changes(form: Form, point: Point, parameters: dict[str, Any], real: Any, base: list[Any]) -> list[Any]:
    """How each output changes where every input and parameter moves by one unit in its last place: the changes' sum.

    Those are meant that are rounded anyway: 0 and 1 of an input with bounds, and labels, are what they are.
    """
    own = context()
    added = [own.mpf(0)] * len(base)
    for moved, settings in neighbours(form, point, parameters, real):
        there = reference(form, moved, settings)
        added = [
            sofar + abs(y - x) if own.isfinite(y - x) else sofar for sofar, x, y in zip(added, base, there, strict=True)
        ]
    return added


def neighbours(
    form: Form, point: Point, parameters: dict[str, Any], real: Any
) -> Iterator[tuple[Point, dict[str, Any]]]:
    """The points, with the parameters, at one unit in the last place of one number."""
    for position, entry in enumerate(form.inputs):
        for moved in beside(point[position], entry.domain, real, (-1, 0, 1) if entry.domain.bounded else ()):
            yield (*point[:position], moved, *point[position + 1 :]), parameters
    for parameter in form.parameters:
        if parameter.domain is not None:
            for towards in (1, -1):  # a parameter may be the place of a kink
                for moved in beside(parameters[parameter.name], parameter.domain, real, (), towards):
                    yield point, {**parameters, parameter.name: moved}


def beside(given: Any, domain: Domain, real: Any, fixed: tuple[int, ...], towards: int = 1) -> Iterator[Any]:
    """A number, or a row with one of its numbers, moved by one unit in its last place, away from 0 if it may."""
    for j, x in enumerate(given if isinstance(given, list) else [given]):
        if isinstance(x, int) or x in fixed or not context().isfinite(x):
            continue
        away = ulp(x, real) * (towards if x >= 0 else -towards)
        moved = next((y for y in (x + away, x - away) if domain.contains(y)), x)
        yield [*given[:j], moved, *given[j + 1 :]] if isinstance(given, list) else moved


def diagnose(found: Any, expected: Any, error: float, real: Any, place: Any) -> tuple[str, str]:
    """What is wrong at a point, and what to write instead."""
    own, info = context(), np.finfo(real)
    told = f"{place()[0]} is {found}, expected {own.nstr(expected, 10)}"
    if not np.isfinite(found):
        return f"{told}: overflows or has no value on the way, all digits lost", OVERFLOW
    digits = -log10(float(info.eps))
    lost = min(digits, log10(max(error, 1)))
    return f"{told}: {error:.3g} ulps, {lost:.0f} of {digits:.0f} digits lost", CANCELLATION


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
