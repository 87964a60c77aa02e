"""Checks of slopes and second derivatives: against finite differences with many digits, and at kinks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from math import log10
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from lossreg.errors import InvalidParameter
from lossreg.testing.check import check_unless
from lossreg.testing.checks.accuracy import distance, exact_in, exact_parameters
from lossreg.testing.evaluation import describe, not_for_batch_kernels, output_names, outputs
from lossreg.testing.high_precision import context, exact_number, reference
from lossreg.testing.loss_under_test import LossUnderTest

if TYPE_CHECKING:
    from lossreg.definition.signature import Form
    from lossreg.testing.cases import LossCase
    from lossreg.testing.points import Point
    from lossreg.testing.results import CheckRun


class OneSidedDerivatives(NamedTuple):
    """The left and right derivative of a value with respect to one number, their noise, and the kind of point."""

    left: Any
    right: Any
    noise: Any
    kind: Literal["smooth", "kink", "jump"]

    @property
    def mean(self) -> Any:
        """The derivative, if the point is smooth."""
        return (self.left + self.right) / 2


@check_unless(not_for_batch_kernels)
def slopes_are_derivatives(tested: LossUnderTest, run: CheckRun) -> None:
    """Except at kinks, each slope is the derivative of the value, by finite differences with enough digits."""
    for case, point, slopes, sides in derivatives_of_loss(tested):
        for name, slope, side in zip(output_names(case, point)[1:], slopes, sides, strict=True):
            if side.kind != "smooth":
                continue
            derivative = side.mean
            allowed = 1e-10 * max(abs(slope), abs(derivative)) + side.noise
            error = abs(slope - derivative) / allowed if allowed else abs(slope - derivative)
            explain = partial(mismatch, case, point, name, slope, derivative)
            run.measure(float(error), 1, "times the allowance", partial(describe, case, point), explain)


@check_unless(not_for_batch_kernels)
def slopes_at_kinks_are_subgradients(tested: LossUnderTest, run: CheckRun) -> None:
    """At a kink the slope is between the one-sided derivatives, and the same in every float type."""
    kinks = 0
    for case, point, slopes, sides in derivatives_of_loss(tested):
        run.points += 1
        for at_output, (slope, side) in enumerate(zip(slopes, sides, strict=True), 1):
            if side.kind == "kink":
                kinks += 1
                low, high = sorted((side.left, side.right))
                slack = 1e-10 * (abs(low) + abs(high)) + side.noise
                message = f"{describe(case, point)[0]}: {output_names(case, point)[at_output]} is {float(slope):g}"
                run.require(
                    low - slack <= slope <= high + slack,
                    f"{message}, expected between {float(low):g} and {float(high):g}",
                )
                for real in tested.float_types:
                    found = float(outputs(tested, with_float32_parameters(case), [point], real)[0, at_output])
                    slack = 8 * float(np.finfo(real).eps) * (abs(slope) + abs(high) + abs(low))
                    equal = abs(found - slope) <= slack or distance(found, slope, slack, real) == 0  # an overflow
                    run.require(equal, f"{message} in plain Python and {found:g} compiled for {real.__name__}")
    run.figure("kinks", kinks)


def no_hessians(tested: LossUnderTest) -> str:
    """Return why a check of second derivatives does not apply to a loss, or nothing if it does."""
    try:
        return "" if tested.cases_with_hessian() else "it has no second derivatives"
    except InvalidParameter as error:
        return str(error)


@check_unless(no_hessians)
def hessians_are_derivatives(tested: LossUnderTest, run: CheckRun) -> None:
    """Each second derivative is that of the slope by the first input, also at ties and 0, and between those at a kink.

    The formula is compared with differences of 60 digits and more, and the compiled numbers with the formula in 60
    digits, in both float types. Where the slope itself jumps, any finite number will do.
    """
    for case in tested.cases_with_hessian():
        for width, tried in tested.points(case, np.float32):
            parameters = exact_parameters(case, width, np.float32)
            for point in tried[:: 6 if case.default else 4]:
                for at, (second, side) in enumerate(zip(*differences_of_slopes(case, point, parameters), strict=True)):
                    if not context().isfinite(side.right - side.left):  # a slope of inf, or where the loss has none
                        continue
                    low, high = sorted((side.left, side.right))
                    slack = 1e-10 * max(abs(second), abs(low), abs(high)) + side.noise
                    fits = side.kind == "jump" or low - slack <= second <= high + slack
                    name = output_names(case, point)[at - width if width else -1]
                    run.require(
                        fits and context().isfinite(second),
                        f"{describe(case, point)[0]}: {name} is {float(second):.10g}, but the slope changes by "
                        f"{float(low):.10g} to {float(high):.10g}",
                    )
    selected = LossUnderTest(tested.loss, tested.level, tested.cases_with_hessian())
    for real in (np.float32, np.float64) if tested.level == "full" else (np.float64,):
        exact_in(real, selected, run)


def with_float32_parameters(case: LossCase) -> LossCase:
    """Return the case with its parameters rounded to float32, as the points are: kinks may be at parameters."""
    given = {k: float(np.float32(v)) if isinstance(v, float) else v for k, v in case.parameters.items()}
    return replace(case, parameters=given)


def mismatch(case: LossCase, point: Point, name: str, slope: Any, derivative: Any) -> tuple[str, str]:
    """Return what is wrong with a slope, and a hint."""
    message = (
        f"{describe(case, point)[0]}: {name} is {float(slope):.10g}, but the value changes by {float(derivative):.10g}"
    )
    return (
        message,
        "differentiate the value that the kernel returns by this input, with the same factors",
    )


def derivatives_of_loss(tested: LossUnderTest) -> list[tuple[LossCase, Point, list[Any], list[OneSidedDerivatives]]]:
    """Return the slopes and the one-sided derivatives at every point of float32; they are computed once for a loss."""
    if tested.differences is None:
        tested.differences = [
            (case, point, *differences(case, point, exact_parameters(case, width, np.float32)))
            for case in tested.cases
            for width, tried in tested.points(case, np.float32)
            for point in tried[:: 3 if case.default else 2]
        ]
    return tested.differences


def differences(
    case: LossCase, point: Point, parameters: dict[str, Any]
) -> tuple[list[Any], list[OneSidedDerivatives]]:
    """Return the slopes at a point, and the one-sided derivatives of the value for each of them."""
    form, numbers = case.form, tuple(map(exact_number, point))
    step, digits = step_and_digits(point, parameters)
    with context().workdps(digits):
        here = reference(form, numbers, parameters, digits)
        sides = [
            one_sided(form, numbers, parameters, digits, here[0], place, step)
            for position, entry in enumerate(form.inputs)
            if entry.name in form.slopes
            for place in places_of(numbers, position)
        ]
    return here[1:], sides


def differences_of_slopes(
    case: LossCase, point: Point, parameters: dict[str, Any]
) -> tuple[list[Any], list[OneSidedDerivatives]]:
    """Return the second derivatives at a point by the first input, and the one-sided derivatives of its slopes."""
    form, numbers = case.form, tuple(map(exact_number, point))
    step, digits = step_and_digits(point, parameters)
    with context().workdps(digits):
        here = reference(form, numbers, parameters, digits)
        sides = [
            one_sided(form, numbers, parameters, digits, here[output], place, step, output)
            for output, place in enumerate(places_of(numbers, 0), 1)
        ]
    return here[1 + len(sides) :], sides


def step_and_digits(point: Point, parameters: dict[str, Any]) -> tuple[Any, int]:
    """Return the step of the differences, small in comparison with every number at the point, and the digits."""
    own = context()
    given = [
        *point,
        *(value for value in parameters.values() if hasattr(value, "__float__") or isinstance(value, list)),
    ]
    sizes = [abs(float(x)) for each in given for x in (each if isinstance(each, list) else [each])]
    sizes = [x for x in sizes if 0 < x < float("inf")] or [1.0]
    step = own.mpf(min(1.0, *sizes)) * own.mpf(10) ** -20
    return step, 80 + int(log10(max(1.0, *sizes))) + max(0, -int(own.mag(step) * 0.30103))


def places_of(point: Point, position: int) -> list[tuple[int, int]]:
    """Return the places of the numbers of one input: its position, and the position in its row."""
    given = point[position]
    return [(position, j) for j in range(len(given) if isinstance(given, list) else 1)]


def one_sided(  # noqa: PLR0913, PLR0917  as above
    form: Form,
    point: Point,
    parameters: dict[str, Any],
    digits: int,
    here: Any,
    place: tuple[int, int],
    step: Any,
    output: int = 0,
) -> OneSidedDerivatives:
    """Return the derivatives of an output, the value or a slope, to the left and right of one number.

    As the step shrinks, the one-sided derivatives of a smooth function approach each other, and those at a kink do not.
    """
    own = context()
    position, j = place
    given, contains = point[position], form.inputs[position].domain.contains
    x = given[j] if isinstance(given, list) else given

    def value(move: Any) -> Any:
        moved = [*given[:j], x + move, *given[j + 1 :]] if isinstance(given, list) else x + move
        return reference(form, (*point[:position], moved, *point[position + 1 :]), parameters, digits)[output]

    def pair(step: Any) -> tuple[Any, Any]:
        sides = [(value(move) - here) / move for move in (-step, step) if contains(x + move)]
        return sides[0], sides[-1]

    left, right = pair(step)
    finer, jump, steepest = step / 1000, abs(right - left), max(abs(left), abs(right))
    largest = max(abs(y) for each in (here, *point) for y in (each if isinstance(each, list) else [each]))
    noise = largest * own.mpf(10) ** (8 - digits) / finer + jump * 1e-10
    # Where the output is inf its differences are inf, of both signs at the end of a domain with slack, such as 0 for a
    # log-probability: not a derivative.
    if own.isfinite(here) and jump <= noise + 1e-15 * steepest and steepest * step <= 1e-10 * abs(here):
        return OneSidedDerivatives(left, right, noise, "smooth")
    nearer = pair(finer)
    if not all(own.isfinite(x) for x in (left, right, *nearer)) or max(map(abs, nearer)) > 100 * steepest:
        return OneSidedDerivatives(left, right, noise, "jump")
    kinked = jump > noise + 1e-15 * steepest and abs(nearer[1] - nearer[0]) > jump / 2
    # Curvature separates the two differences; the derivative is between them, or, where the domain ends, a thousandth
    # of what the finer step changed away.
    return (
        OneSidedDerivatives(left, right, noise, "kink")
        if kinked
        else OneSidedDerivatives(*nearer, noise + abs(nearer[1] - nearer[0]) + abs(nearer[0] - left) / 500, "smooth")
    )


def derivatives_of_batch(case: LossCase, arrays: list[Any], parameters: dict[str, Any]) -> tuple[Any, list[Any]]:
    """Return the values of a batch's samples and their derivatives by each array with a gradient, from 60 digits."""
    values, slopes = [], []
    for sample in zip(*(x.tolist() for x in arrays), strict=True):
        numbers = tuple(map(exact_number, sample))
        values.append(float(reference(case.form, numbers, parameters)[0]))
        slopes.append([float(side.mean) for side in differences(case, sample, parameters)[1]])
    columns = np.array(slopes)
    found, start = [], 0
    for x, entry in zip(arrays, case.form.inputs, strict=True):
        if entry.name in case.form.slopes:
            width = int(np.prod(x.shape[1:]))
            found.append(columns[:, start : start + width].reshape(x.shape))
            start += width
    return np.array(values), found
