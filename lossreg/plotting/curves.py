"""Curves of a loss: value, slope and second derivative while one number of its first input varies.

Everything is evaluated in plain Python, so that nothing is compiled for a picture. A loss by element varies its first
input, a loss by row the first number of it, and the other inputs are fixed at simple numbers. A batch kernel takes its
example and steps along the negative gradient.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from math import inf, isfinite, nan
from typing import TYPE_CHECKING, Any

from lossreg.definition.plain_python.evaluate_point import evaluate_as_compiled, evaluate_coupled
from lossreg.definition.plain_python.shown_points import range_of, spaced, usual
from lossreg.definition.signature import variants
from lossreg.errors import LossregError
from lossreg.plotting.variations import Variation, variations

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lossreg.definition.domains import Domain
    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Form

POINTS = 161
STEPS = 41
"""The points of a curve, and of one along the gradient of a whole batch, which takes longer."""
SAMPLES = 6
"""The samples of a batch."""
SEED = 20240517
WIDTH = 1e-4
"""The width of the difference that stands for a second derivative that a loss does not declare."""


@dataclass(frozen=True)
class Curve:
    """One curve of each kind, with a label; what is not a finite number is nan."""

    label: str
    x: list[float]
    value: list[float]
    slope: list[float]
    second: list[float]


@dataclass(frozen=True)
class LossCurves:
    """The curves of a loss for some values of a parameter, with the name of what varies along x and what is fixed."""

    loss: Loss
    varied: str
    fixed: str
    curves: list[Curve]


def loss_curves(
    loss: Loss,
    settings: Sequence[Variation] | None = None,
    limits: tuple[float, float] | None = None,
    fixed: dict[str, Any] | None = None,
    *,
    second: bool = True,
) -> LossCurves:
    """Return the curves of the first form of a loss.

    `settings` are the parameters of each curve; by default three values of the main parameter. `limits` are the ends of
    the range along x, and `fixed` the values of other inputs by name, in place of the usual ones.
    Without `second`, no second derivatives are computed, and those of the curves are nan.
    """
    form = loss.forms[0]
    chosen = variations(loss) if settings is None else list(settings)
    if form.by_batch:
        return LossCurves(loss, "step along the negative gradient", "", curves_along_gradient(loss, chosen))
    point = {entry.name: usual(entry, form) for entry in form.inputs} | (fixed or {})
    first, *others = form.inputs
    varied = f"{first.name}[0]" if first.axis is not None else first.name
    changed = {name for one in chosen for name in one.inputs}
    named = [f"{x.name} = {shown(point[x.name])}" for x in others if x.name not in changed]
    if first.axis is not None:
        rest = ["x", *(f"{number:g}" for number in point[first.name][1:])]
        named.insert(0, f"{first.name} = ({', '.join(rest)})")
    curves = [curve(loss, one, point, limits or range_of(form), second=second) for one in chosen]
    return LossCurves(loss, varied, ", ".join(named), curves)


def shown(x: Any) -> str:
    """Return a number or a row as text."""
    return f"({', '.join(f'{number:g}' for number in x)})" if isinstance(x, list) else f"{x:g}"


def curve(
    loss: Loss, variation: Variation, point: dict[str, Any], limits: tuple[float, float], *, second: bool
) -> Curve:
    """Return the curve of a loss by element or by row; numbers outside the domain of the input are left out."""
    form, parameters = loss.forms[0], loss.bind(variation.parameters)
    inputs = [(point | variation.inputs)[entry.name] for entry in form.inputs]
    with_second = second and form.hessian is not None and form.fusible
    evaluated = loss.with_hessian(parameters).forms[0] if with_second else form
    settings = {p.name: parameters[p.name] for p in evaluated.parameters}

    def at(x: float) -> tuple[float, float, float]:
        first = [x, *inputs[0][1:]] if form.inputs[0].axis is not None else x
        outcome = evaluate_as_compiled(evaluated, (first, *inputs[1:]), settings)
        slopes = [part[0] if isinstance(part, list) else part for part in outcome[1:]]
        return outcome[0], slopes[0] if slopes else nan, slopes[1] if with_second else nan

    xs = [x for x in spaced(*limits, POINTS) if inside(form.inputs[0].domain, x)]
    return assembled(variation.label, xs, at, differentiate=second and not with_second)


def curves_along_gradient(loss: Loss, chosen: Sequence[Variation]) -> list[Curve]:
    """Return the curves of a batch kernel; parameters that its example cannot have are left out."""
    found = []
    for one in chosen:
        with suppress(LossregError):
            found.append(along_gradient(loss, one))
    return found or [along_gradient(loss, Variation())]


def along_gradient(loss: Loss, variation: Variation) -> Curve:
    """Return the curve of the example of a batch kernel along the negative gradient of its first input."""
    import numpy as np

    arrays, given = loss.examples[0](np.random.default_rng(SEED), SAMPLES)
    arrays = [np.asarray(x) for x in arrays]
    form = next(v for v in variants(loss.forms[0], len(arrays)) if fits(v, arrays))
    parameters = loss.bind({**given, **variation.parameters})

    def value_and_slope(first: Any) -> tuple[float, Any]:
        values, slope, *_ = evaluate_coupled(form, (first, *arrays[1:]), parameters)
        return float(np.sum(values)), np.asarray(slope)

    _, gradient = value_and_slope(arrays[0])
    length = float(np.linalg.norm(gradient)) or 1.0
    direction = -gradient / length

    def at(t: float) -> tuple[float, float, float]:
        value, slope = value_and_slope(arrays[0] + t * direction)
        return value, float(np.sum(slope * direction)), nan

    reach = float(np.linalg.norm(arrays[0])) or 1.0
    domain = form.inputs[0].axes and form.inputs[0].domain
    xs = [
        t for t in spaced(-reach / 2, reach, STEPS) if not domain or np.all(domain.contains(arrays[0] + t * direction))
    ]
    return assembled(variation.label, xs, at, differentiate=True)


def fits(form: Form, arrays: Sequence[Any]) -> bool:
    """Whether arrays have the numbers of axes that a form takes."""
    return all(
        x.ndim >= len(entry.axes) - 1 if "..." in entry.axes else x.ndim == len(entry.axes)
        for x, entry in zip(arrays, form.inputs, strict=True)
    )


def assembled(
    label: str, xs: list[float], at: Callable[[float], tuple[float, float, float]], *, differentiate: bool
) -> Curve:
    """Return the curve of a function of x that gives value, slope and second derivative, or the first two of them."""
    numbers = [at(x) for x in xs]
    second = [differences(at, x) if differentiate else both[2] for x, both in zip(xs, numbers, strict=True)]
    return Curve(label, xs, finite(n[0] for n in numbers), finite(n[1] for n in numbers), finite(second))


def differences(at: Callable[[float], tuple[float, float, float]], x: float) -> float:
    """Return the derivative of the slope; nan where it differs between both sides, as at a kink."""
    left, here, right = (at(x + step)[1] for step in (-WIDTH, 0.0, WIDTH))
    before, after = (here - left) / WIDTH, (right - here) / WIDTH
    return (before + after) / 2 if abs(before - after) <= 0.01 * (1 + abs(before) + abs(after)) else nan


def finite(numbers: Any) -> list[float]:
    """Return numbers with nan in place of those that are not finite."""
    return [float(x) if isfinite(x) else nan for x in numbers]


def inside(domain: Domain, x: float) -> bool:
    """Whether a number is in a domain, with some distance to its ends."""
    return all(bool(domain.contains(x + step)) for step in (-WIDTH, 0.0, WIDTH)) and abs(x) < inf
