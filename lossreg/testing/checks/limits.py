"""Checks of what is not finite: the limits at infinity, and nan."""

from __future__ import annotations

from functools import partial
from itertools import product
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.domains import PROBABILITY
from lossreg.definition.evaluate_point import evaluate
from lossreg.definition.roles import Role
from lossreg.testing.checks.check import check_unless
from lossreg.testing.checks.exactness import ULPS, allowance, diagnose, distance, exact, unit
from lossreg.testing.high_precision import context, ignored, number, reference
from lossreg.testing.points import SEED, WIDTHS, labels, rows
from lossreg.testing.subject import at, by_arrays, compiled, outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lossreg.testing.points import Case, Point
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject

INFINITY = float("inf")
FEW, FEWER = 24, 6
"""How many points each infinity is put into: elements, and rows of each width."""
INSTEAD = (-1e3, -1.0, 1.0, 1e3)
"""What a nan is compared with, to tell whether the value depends on the number in its place."""
ORDINARY = (0.5, -0.5, 1.0, -1.0, 0.0, 40.0, -40.0)
LARGE, LARGER = "1e400", "1e4000"
"""What stands for infinity in 60 digits, which have no largest number: where the kernel goes from one to the other."""
BOUNDED = "every input has bounds"
AFAR = 4
"""How much further off a number has to be at the second than at the first to be on its way to infinity, or to 0."""


@check_unless(lambda subject: by_arrays(subject) or ("" if reaches(subject, "inf") else BOUNDED))
def limits_at_infinity(subject: Subject, trial: Trial) -> None:
    """One input of inf or -inf gives the limit of value and slopes, if they have one, in both float types."""
    for case in (case for case in subject.cases if INFINITY not in case.parameters.values()):
        for real in (np.float32, np.float64):
            for width, tried in ordinary_points(case):
                moved = [point for ordinary in tried for point in place_in(case, ordinary, INFINITY)]
                parameters = exact(case, width, real)
                for point, result in zip(moved, compiled(case, moved, real), strict=True):
                    approach(case, point, parameters, result, real, trial)


def approach(  # noqa: PLR0913, PLR0917  a point in all its parts
    case: Case, point: Point, parameters: dict[str, Any], found: Any, real: Any, trial: Trial
) -> None:
    """Compare outputs at infinity with those on the way there."""
    near, far = (reference(case.form, towards(point, size), parameters) for size in (LARGE, LARGER))
    for column, name in enumerate(outputs(case, point)):
        x, limit = found[column], limit_of(near[column], far[column], real)
        if limit is None:
            continue
        error = distance(x, limit, unit(limit, real), real)
        if ULPS < error < INFINITY:
            error = distance(
                x, limit, allowance(case.form, towards(point, LARGE), parameters, near, real)[column], real
            )
        explain = partial(diagnose, x, limit, error, real, partial(named, name, case, point))
        trial.measure(error, ULPS, "ulps", partial(named, name, case, point), explain)


def named(name: str, case: Case, point: Point) -> tuple[str, dict[str, Any]]:
    """An output at a point, in words and as data."""
    told, data = at(case, point)
    return f"{name} of {told}", data


def limit_of(near: Any, far: Any, real: Any) -> Any:
    """Where two numbers on the way to infinity lead: inf, 0, a number, or nowhere that two numbers would show."""
    own, info = context(), np.finfo(real)
    if not (own.isfinite(near) and own.isfinite(far)):
        return None
    if abs(far) > AFAR * abs(near) and abs(near) > 1 and near * far > 0:
        return own.inf if far > 0 else -own.inf
    if abs(far) * AFAR < abs(near) < 1 or far == 0:
        return own.mpf(0)
    return far if abs(far - near) <= abs(far) * float(info.eps) / AFAR else None


def towards(point: Point, size: str) -> Point:
    """The point in 60 digits, with a large number for infinity."""
    own = context()

    def one(x: Any) -> Any:
        return own.mpf(size) * (1 if x > 0 else -1) if x in (INFINITY, -INFINITY) else number(x)

    return tuple([one(x) for x in each] if isinstance(each, list) else one(each) for each in point)


@check_unless(by_arrays)
def plain_python_agrees(subject: Subject, trial: Trial) -> None:
    """Where inputs are infinite, one or all of them, compiled code gives what the kernel gives in plain Python."""
    for case in subject.cases:
        for width, tried in ordinary_points(case):
            everywhere = [everything(case, point, sign) for point in tried[:3] for sign in (INFINITY, -INFINITY)]
            found = [*everywhere, *(point for ordinary in tried for point in place_in(case, ordinary, INFINITY))]
            settings = case.settings(width)
            found = [point for point in found if not ignored(case.form, point, settings)]
            for point, result in zip(found, compiled(case, found, np.float64), strict=True):
                expected = plainly(case, point, settings)
                if expected is not None:
                    size = max(abs(x) for x in (1.0, *expected) if abs(x) < INFINITY)
                    same = np.allclose(result, expected, rtol=1e-14, atol=1e-15 * size, equal_nan=True)
                    trial.require(same, f"{at(case, point)[0]} is {result} compiled and {expected} in plain Python")


def plainly(case: Case, point: Point, settings: dict[str, Any]) -> Any:
    """Value and slopes by the kernel as it stands; None where Python's own functions refuse, as math.log(0) does."""
    numbers = tuple([in_float64(x) for x in each] if isinstance(each, list) else in_float64(each) for each in point)
    given = {k: np.float64(v) if isinstance(v, float) else v for k, v in settings.items()}
    try:
        with np.errstate(all="ignore"):
            outcome = evaluate(case.form, numbers, given)
    except (ValueError, OverflowError):
        return None
    return [float(x) for each in outcome for x in (each if isinstance(each, list) else [each])]


def in_float64(x: Any) -> Any:
    """A number in float64, an index as it is."""
    return x if isinstance(x, int) else np.float64(x)


@check_unless(lambda subject: by_arrays(subject) or ("" if reaches(subject, "nan") else BOUNDED))
def nan_comes_out(subject: Subject, trial: Trial) -> None:
    """A nan among numbers without bounds makes the value nan, wherever other numbers in its place change the value."""
    for case in subject.defaults:
        for _, tried in ordinary_points(case):
            moved = [point for ordinary in tried for point in place_in(case, ordinary, float("nan"))]
            for real in (np.float32, np.float64):
                values = [compiled(case, [instead(point, x) for point in moved], real)[:, 0] for x in INSTEAD]
                matters = np.any([value != values[0] for value in values], axis=0)
                for point, result, counts in zip(moved, compiled(case, moved, real), matters, strict=True):
                    told = f"{at(case, point)[0]} is {result[0]} for {real.__name__}, expected nan"
                    trial.require(np.isnan(result[0]) or not counts, told)


def instead(point: Point, x: float) -> Point:
    """The point with a number in place of nan."""
    return tuple([x if isnan(y) else y for y in z] if isinstance(z, list) else x if isnan(z) else z for z in point)


def reaches(subject: Subject, extreme: str) -> bool:
    """Whether some input may be so extreme."""
    return any(
        any(place_in(case, point, float(extreme)))
        for case in subject.defaults
        for _, tried in ordinary_points(case)
        for point in tried
    )


def ordinary_points(case: Case) -> Iterator[tuple[int, list[Point]]]:
    """Points of ordinary numbers, by the width of their rows."""
    inputs = case.form.inputs
    members = [[x for x in ORDINARY if entry.domain.contains(x)] or [entry.domain.example] for entry in inputs]
    if not case.form.by_row:
        yield 0, some(list(product(*members)), FEW)
        return
    for width in WIDTHS[1:3]:
        lines = [
            labels(width)
            if entry.role is Role.LABEL
            else rows(entry.domain, np.float32, width)[:3]
            if entry.axis is not None
            else singles
            for entry, singles in zip(inputs, members, strict=True)
        ]
        yield width, some(list(product(*lines)), FEWER)


def some(every: list[Point], limit: int) -> list[Point]:
    """At most so many of the points, chosen at random."""
    return [every[at] for at in np.random.default_rng(SEED).permutation(len(every))[:limit]]


def place_in(case: Case, point: Point, extreme: float) -> Iterator[Point]:
    """The point with one of its numbers replaced by `extreme`, or its negative, as far as the domain has it."""
    for position, entry in enumerate(case.form.inputs):
        given = point[position]
        for x in (extreme, -extreme):
            allowed = entry.domain.contains(x) if not isnan(x) else not entry.domain.bounded
            if entry.domain.integer or entry.domain is PROBABILITY or not allowed:
                continue
            for j in range(len(given) if isinstance(given, list) else 1):
                whole = [*given[:j], x, *given[j + 1 :]] if isinstance(given, list) else x
                yield (*point[:position], whole, *point[position + 1 :])


def everything(case: Case, point: Point, extreme: float) -> Point:
    """The point with `extreme` for every number without bounds."""
    unbounded = [not (entry.domain.integer or entry.domain.bounded) for entry in case.form.inputs]
    filled = [[extreme] * len(x) if isinstance(x, list) else extreme for x in point]
    return tuple(new if free else x for x, new, free in zip(point, filled, unbounded, strict=True))
