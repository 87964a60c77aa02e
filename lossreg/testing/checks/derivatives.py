"""Checks of slopes: against differences of the value in as many digits as these need, and at its kinks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import log10
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from lossreg.testing.checks.check import check_unless
from lossreg.testing.checks.exactness import distance, exact
from lossreg.testing.high_precision import context, number, reference
from lossreg.testing.points import points
from lossreg.testing.subject import at, by_arrays, compiled, outputs

if TYPE_CHECKING:
    from lossreg.definition.signature import Form
    from lossreg.testing.points import Case, Point
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject


class Sides(NamedTuple):
    """The derivatives of a value by one number, to its left and right; their noise, and what the value does there."""

    left: Any
    right: Any
    noise: Any
    kind: Literal["smooth", "kink", "jump"]

    @property
    def between(self) -> Any:
        """The derivative, where there is one."""
        return (self.left + self.right) / 2


@check_unless(by_arrays)
def slopes_are_derivatives(subject: Subject, trial: Trial) -> None:
    """Off the kinks, each slope is the derivative of the value, measured in as many digits as differences need."""
    for case, point, slopes, sides in derivatives(subject):
        for name, slope, side in zip(outputs(case, point)[1:], slopes, sides, strict=True):
            if side.kind != "smooth":
                continue
            between = side.between
            allowed = 1e-10 * max(abs(slope), abs(between)) + side.noise
            error = abs(slope - between) / allowed if allowed else abs(slope - between)
            explain = partial(mismatch, case, point, name, slope, between)
            trial.measure(float(error), 1, "times the allowance", partial(at, case, point), explain)


@check_unless(by_arrays)
def kinks_are_declared(subject: Subject, trial: Trial) -> None:
    """At a kink the slope lies between the one-sided derivatives; and it is the same one in every float type."""
    kinks = 0
    for case, point, slopes, sides in derivatives(subject):
        trial.points += 1
        for at_output, (slope, side) in enumerate(zip(slopes, sides, strict=True), 1):
            if side.kind == "kink":
                kinks += 1
                low, high = sorted((side.left, side.right))
                slack = 1e-10 * (abs(low) + abs(high)) + side.noise
                told = f"{at(case, point)[0]}: {outputs(case, point)[at_output]} is {float(slope):g}"
                trial.require(
                    low - slack <= slope <= high + slack, f"{told}, expected between {float(low):g} and {float(high):g}"
                )
                for real in (np.float32, np.float64):
                    found = float(compiled(rounded(case), [point], real)[0, at_output])
                    room = 8 * float(np.finfo(real).eps) * (abs(slope) + abs(high) + abs(low))
                    same = abs(found - slope) <= room or distance(found, slope, room, real) == 0  # an overflow
                    trial.require(same, f"{told} in plain Python and {found:g} compiled for {real.__name__}")
    trial.figure("kinks", kinks)


def rounded(case: Case) -> Case:
    """The case with its parameters as float32 has them, as the points are: at a kink they have to be the same."""
    given = {k: float(np.float32(v)) if isinstance(v, float) else v for k, v in case.parameters.items()}
    return replace(case, parameters=given)


def mismatch(case: Case, point: Point, name: str, slope: Any, derivative: Any) -> tuple[str, str]:
    """What is wrong with a slope."""
    told = f"{at(case, point)[0]}: {name} is {float(slope):.10g}, but the value changes by {float(derivative):.10g}"
    return told, "differentiate the value that the kernel returns, by the same input and with the same factors"


def derivatives(subject: Subject) -> list[tuple[Case, Point, list[Any], list[Sides]]]:
    """At every point of float32 the slopes, and the differences of the value to the left and right of each."""
    if subject.differences is None:
        subject.differences = [
            (case, point, *differences(case, point, exact(case, width, np.float32)))
            for case in subject.cases
            for width, tried in points(case, np.float32)
            for point in tried[:: 3 if case.default else 2]
        ]
    return subject.differences


def differences(case: Case, point: Point, parameters: dict[str, Any]) -> tuple[list[Any], list[Sides]]:
    """The slopes at a point; and for each the one-sided derivatives, their noise, and whether it is a kink.

    The step is small beside every number at the point. One-sided derivatives of a smooth function come together as the
    step shrinks, those at a kink do not.
    """
    own, form = context(), case.form
    numbers = tuple(map(number, point))
    given = [
        *point,
        *(value for value in parameters.values() if hasattr(value, "__float__") or isinstance(value, list)),
    ]
    sizes = [abs(float(x)) for each in given for x in (each if isinstance(each, list) else [each])]
    sizes = [x for x in sizes if 0 < x < float("inf")] or [1.0]
    step = own.mpf(min(1.0, *sizes)) * own.mpf(10) ** -20
    digits = 80 + int(log10(max(1.0, *sizes))) + max(0, -int(own.mag(step) * 0.30103))
    with own.workdps(digits):
        here = reference(form, numbers, parameters, digits)
        sides = []
        for position, entry in enumerate(form.inputs):
            if entry.name not in form.slopes:
                continue
            given = numbers[position]
            places = [(position, j) for j in range(len(given) if isinstance(given, list) else 1)]
            sides += [one_sided(form, numbers, parameters, digits, here[0], place, step) for place in places]
    return here[1:], sides


def one_sided(  # noqa: PLR0913, PLR0917  as above
    form: Form, point: Point, parameters: dict[str, Any], digits: int, here: Any, place: tuple[int, int], step: Any
) -> Sides:
    """The derivatives to the left and right of one number, their noise, and whether they differ: a kink."""
    own = context()
    position, j = place
    given, contains = point[position], form.inputs[position].domain.contains
    x = given[j] if isinstance(given, list) else given

    def value(move: Any) -> Any:
        whole = [*given[:j], x + move, *given[j + 1 :]] if isinstance(given, list) else x + move
        return reference(form, (*point[:position], whole, *point[position + 1 :]), parameters, digits)[0]

    def pair(step: Any) -> tuple[Any, Any]:
        sides = [(value(move) - here) / move for move in (-step, step) if contains(x + move)]
        return sides[0], sides[-1]

    left, right = pair(step)
    finer, jump, steepest = step / 1000, abs(right - left), max(abs(left), abs(right))
    largest = max(abs(y) for each in (here, *point) for y in (each if isinstance(each, list) else [each]))
    noise = largest * own.mpf(10) ** (8 - digits) / finer + jump * 1e-10
    if jump <= noise + 1e-15 * steepest and steepest * step <= 1e-10 * abs(here):
        return Sides(left, right, noise, "smooth")
    nearer = pair(finer)
    if not all(own.isfinite(x) for x in (left, right, *nearer)) or max(map(abs, nearer)) > 100 * steepest:
        return Sides(left, right, noise, "jump")
    bent = jump > noise + 1e-15 * steepest and abs(nearer[1] - nearer[0]) > jump / 2
    # A bend spreads the two differences; the derivative lies between them.
    return Sides(left, right, noise, "kink") if bent else Sides(*nearer, noise + abs(nearer[1] - nearer[0]), "smooth")


def derivatives_of(case: Case, arrays: list[Any], parameters: dict[str, Any]) -> tuple[Any, list[Any]]:
    """The values at a batch's samples, and their derivatives by each array that has a gradient, from 60 digits."""
    values, slopes = [], []
    for sample in zip(*(x.tolist() for x in arrays), strict=True):
        numbers = tuple(map(number, sample))
        values.append(float(reference(case.form, numbers, parameters)[0]))
        slopes.append([float(side.between) for side in differences(case, sample, parameters)[1]])
    columns = np.array(slopes)
    found, start = [], 0
    for x, entry in zip(arrays, case.form.inputs, strict=True):
        if entry.name in case.form.slopes:
            width = int(np.prod(x.shape[1:]))
            found.append(columns[:, start : start + width].reshape(x.shape))
            start += width
    return np.array(values), found
