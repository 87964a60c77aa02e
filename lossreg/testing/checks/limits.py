"""Checks at inf and nan: limits at infinity, agreement with plain Python, and nan that is passed on."""

from __future__ import annotations

from functools import partial
from itertools import product
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.domains import PROBABILITY
from lossreg.definition.plain_python.evaluate_point import evaluate_as_compiled
from lossreg.definition.roles import Role
from lossreg.testing.cases import SEED
from lossreg.testing.check import check_unless
from lossreg.testing.checks.accuracy import allowance, distance, exact_parameters, unit
from lossreg.testing.evaluation import describe, evaluate_compiled, not_for_batch_kernels, output_names, outputs
from lossreg.testing.high_precision import context, exact_number, is_ignored, reference
from lossreg.testing.points import labels, rows, widths
from lossreg.testing.results import EXACT, ULPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lossreg.testing.cases import LossCase
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.points import Point
    from lossreg.testing.results import CheckRun

INFINITY = float("inf")
ELEMENT_POINTS, ROW_POINTS = 24, 6
"""The number of points into which each infinity is put: of elements, and of rows of each width."""
REPLACEMENTS = (-1e3, -1.0, 1.0, 1e3)
"""The numbers that replace a nan, to find out whether the value depends on it."""
ORDINARY = (0.5, -0.5, 1.0, -1.0, 0.0, 40.0, -40.0)
LARGE, LARGER = "1e400", "1e4000"
"""The numbers that replace infinity in 60 digits, which have no largest number: a limit is found from both."""
BOUNDED = "every input has bounds"
GROWTH = 4
"""The factor between the results at LARGE and LARGER from which on the limit is infinity, or 0."""


@check_unless(lambda tested: not_for_batch_kernels(tested) or ("" if reaches(tested, "inf") else BOUNDED))
def limits_at_infinity(tested: LossUnderTest, run: CheckRun) -> None:
    """Graded: if one input is inf or -inf, value and slopes are their limits, if these exist, in both float types."""
    for case in (case for case in tested.cases if INFINITY not in case.parameters.values()):
        for real in (np.float32, np.float64):
            for width, tried in ordinary_points(case):
                moved = [point for ordinary in tried for point in place_in(case, ordinary, INFINITY)]
                parameters = exact_parameters(case, width, real)
                for point, result in zip(moved, evaluate_compiled(case, moved, real), strict=True):
                    compare_with_limit(case, point, parameters, result, real, run)


def compare_with_limit(  # noqa: PLR0913, PLR0917  all that belongs to a point
    case: LossCase, point: Point, parameters: dict[str, Any], found: Any, real: Any, run: CheckRun
) -> None:
    """Compare the output_names at infinity with the limits of those at large numbers."""
    near, far = (reference(case.form, with_large_numbers(point, size), parameters) for size in (LARGE, LARGER))
    for column, name in enumerate(output_names(case, point)):
        x, limit = found[column], limit_of(near[column], far[column], real)
        if limit is None:
            continue
        error = distance(x, limit, unit(limit, real), real)
        if EXACT < error < INFINITY:
            error = distance(
                x, limit, allowance(case.form, with_large_numbers(point, LARGE), parameters, near, real)[column], real
            )
        run.measure_extreme(error, EXACT, ULPS, partial(describe_output, name, case, point))


def describe_output(name: str, case: LossCase, point: Point) -> tuple[str, dict[str, Any]]:
    """Return an output at a point as text and as data."""
    text, data = describe(case, point)
    return f"{name} of {text}", data


def limit_of(near: Any, far: Any, real: Any) -> Any:
    """Return the limit of the results at LARGE and LARGER: inf, 0 or a number; None if two results do not show it."""
    own, info = context(), np.finfo(real)
    if not (own.isfinite(near) and own.isfinite(far)):
        return None
    if abs(far) > GROWTH * abs(near) and abs(near) > 1 and near * far > 0:
        return own.inf if far > 0 else -own.inf
    if abs(far) * GROWTH < abs(near) < 1 or far == 0:
        return own.mpf(0)
    return far if abs(far - near) <= abs(far) * float(info.eps) / GROWTH else None


def with_large_numbers(point: Point, size: str) -> Point:
    """Return the point in 60 digits, with a large number in place of infinity."""
    own = context()

    def one(x: Any) -> Any:
        return own.mpf(size) * (1 if x > 0 else -1) if x in (INFINITY, -INFINITY) else exact_number(x)

    return tuple([one(x) for x in each] if isinstance(each, list) else one(each) for each in point)


@check_unless(not_for_batch_kernels)
def compiled_agrees_with_python(tested: LossUnderTest, run: CheckRun) -> None:
    """If one or all inputs are infinite, compiled code gives the same as the kernel in plain Python."""
    for case in tested.cases:
        for width, tried in ordinary_points(case):
            everywhere = [all_infinite(case, point, sign) for point in tried[:3] for sign in (INFINITY, -INFINITY)]
            found = [*everywhere, *(point for ordinary in tried for point in place_in(case, ordinary, INFINITY))]
            settings = case.parameters_for(width)
            found = [point for point in found if not is_ignored(case.form, point, settings)]
            for point, result in zip(found, evaluate_compiled(case, found, np.float64), strict=True):
                outcome = evaluate_as_compiled(case.form, point, settings)
                expected = [x for each in outcome for x in (each if isinstance(each, list) else [each])]
                size = max(abs(x) for x in (1.0, *expected) if abs(x) < INFINITY)
                equal = np.allclose(result, expected, rtol=1e-14, atol=1e-15 * size, equal_nan=True)
                run.require(equal, f"{describe(case, point)[0]} is {result} compiled and {expected} in plain Python")


@check_unless(lambda tested: not_for_batch_kernels(tested) or ("" if reaches(tested, "nan") else BOUNDED))
def nan_propagates(tested: LossUnderTest, run: CheckRun) -> None:
    """A nan in an input without bounds makes the value nan if other numbers in its place change the value."""
    for case in tested.default_cases:
        for _, tried in ordinary_points(case):
            moved = [point for ordinary in tried for point in place_in(case, ordinary, float("nan"))]
            for real in tested.float_types:
                values = [
                    outputs(tested, case, [without_nan(point, x) for point in moved], real)[:, 0] for x in REPLACEMENTS
                ]
                matters = np.any([value != values[0] for value in values], axis=0)
                for point, result, counts in zip(moved, outputs(tested, case, moved, real), matters, strict=True):
                    message = f"{describe(case, point)[0]} is {result[0]} for {real.__name__}, expected nan"
                    run.require(np.isnan(result[0]) or not counts, message)


def without_nan(point: Point, x: float) -> Point:
    """Return the point with a number in place of nan."""
    return tuple([x if isnan(y) else y for y in z] if isinstance(z, list) else x if isnan(z) else z for z in point)


def reaches(tested: LossUnderTest, extreme: str) -> bool:
    """Whether some input may be inf, or nan."""
    return any(
        any(place_in(case, point, float(extreme)))
        for case in tested.default_cases
        for _, tried in ordinary_points(case)
        for point in tried
    )


def ordinary_points(case: LossCase) -> Iterator[tuple[int, list[Point]]]:
    """Yield points of ordinary numbers, with the width of their rows."""
    inputs = case.form.inputs
    choices = [[x for x in ORDINARY if entry.domain.contains(x)] or [entry.domain.example] for entry in inputs]
    if not case.form.by_row:
        yield 0, sample(list(product(*choices)), ELEMENT_POINTS)
        return
    for width in widths(case)[-3:-1] or widths(case):
        lines = [
            labels(width)
            if entry.role is Role.LABEL
            else rows(entry.domain, np.float32, width)[:3]
            if entry.axis is not None
            else singles
            for entry, singles in zip(inputs, choices, strict=True)
        ]
        yield width, sample(list(product(*lines)), ROW_POINTS)


def sample(points: list[Point], limit: int) -> list[Point]:
    """Return the points in random order, at most `limit` of them."""
    return [points[at] for at in np.random.default_rng(SEED).permutation(len(points))[:limit]]


def place_in(case: LossCase, point: Point, extreme: float) -> Iterator[Point]:
    """Yield the point with one of its numbers replaced by `extreme` or its negative, as far as the domain has it."""
    for position, entry in enumerate(case.form.inputs):
        given = point[position]
        for x in (extreme, -extreme):
            allowed = entry.domain.contains(x) if not isnan(x) else not entry.domain.bounded
            if entry.domain.integer or entry.domain is PROBABILITY or not allowed:
                continue
            for j in range(len(given) if isinstance(given, list) else 1):
                moved = [*given[:j], x, *given[j + 1 :]] if isinstance(given, list) else x
                yield (*point[:position], moved, *point[position + 1 :])


def all_infinite(case: LossCase, point: Point, infinity: float) -> Point:
    """Return the point with `infinity` in place of every number without bounds."""
    unbounded = [not (entry.domain.integer or entry.domain.bounded) for entry in case.form.inputs]
    filled = [[infinity] * len(x) if isinstance(x, list) else infinity for x in point]
    return tuple(new if free else x for x, new, free in zip(point, filled, unbounded, strict=True))
