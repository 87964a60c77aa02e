"""Second derivatives by the first input: against differences of the slope in 60 digits, at ties and at 0 too."""

import itertools

import pytest

import lossreg
from lossreg.definition.plain_python.evaluate_point import evaluate
from lossreg.registry.registries import losses
from lossreg.testing.high_precision import context, precise_form

SETTINGS = {
    "huber": [{}, {"delta": 0.25, "weight": 3.0}],
    "smooth_l1": [{}, {"beta": 0.5}, {"beta": 0.0}],
    "poisson_nll": [{}, {"log_input": False}],
    "bce_with_logits": [{}, {"weight": 2.0, "pos_weight": 3.0}],
    "multi_margin": [{}, {"p": 2}, {"p": 2, "margin": 0.3, "weight": 1.5}],
    "cross_entropy": [{}, {"label_smoothing": 0.3, "weight": 0.5}],
}
POINTS = {
    "Real": [-30.0, -1.25, 0.0, 0.4, 0.5, 0.85, 2.0, 40.0],
    "Unit": [0.0, 0.3, 1.0],
    "Sign": [1.0, -1.0],
    "NonNegative": [0.0, 0.7, 3.0],
    "LogProbability": [-3.0, -0.1],
    "Dissimilarity": [0.0, 0.3, 4.0],
    "Probability": [0.0, 0.25, 0.75],
}
JUMP = 1e18
"""Differences of a slope above this are those of a jump, over a step of 1e-20."""
WITH_HESSIAN = [(loss, at) for loss in map(losses.get, lossreg.names()) for at, f in enumerate(loss.forms) if f.hessian]


def points(form):
    """Points of a form, those of rows with 1 and 3 classes, without points where the slope has a jump."""
    if not form.by_row:
        yield from itertools.product(*(POINTS[entry.domain.name] for entry in form.inputs))
        return
    for row in ([0.4], [0.5, -1.25, 2.0], [30.0, 0.0, -2.0], [0.7, 0.7, 0.7]):
        others = []
        for entry in form.inputs[1:]:
            members = POINTS.get(entry.domain.name, range(len(row)))
            others.append([(list(members) * 3)[: len(row)]] if entry.axis is not None else list(members))
        yield from ((row, *other) for other in itertools.product(*others))


def by_differences(form, point, parameters):
    """The derivative of the slope by the first input, from the left and from the right."""
    own, exact = context(), precise_form(form)
    step = own.mpf(10) ** -20

    def slope(x):
        slopes = evaluate(exact, (x, *point[1:]), parameters)[1]
        return list(slopes) if form.by_row else [slopes]

    if not form.by_row:
        x = own.mpf(point[0])
        return [[(slope(x + sign * step)[0] - slope(x)[0]) / (sign * step)] for sign in (-1, 1)]
    found = [[], []]
    for at in range(len(point[0])):
        for side, sign in zip(found, (-1, 1), strict=True):
            moved = [own.mpf(x) + sign * step * (j == at) for j, x in enumerate(point[0])]
            here = slope([own.mpf(x) for x in point[0]])[at]
            side.append((slope(moved)[at] - here) / (sign * step))
    return found


@pytest.mark.parametrize(("loss", "at"), WITH_HESSIAN, ids=lambda x: getattr(x, "name", x))
def test_the_hessian_is_the_derivative_of_the_slope(loss, at):
    form, tried, kinks = loss.forms[at], 0, 0
    for given, point in itertools.product(SETTINGS.get(loss.name, [{}]), points(form)):
        parameters = loss.bind(given)
        plain, outcome = evaluate(form, point, parameters), evaluate(form.with_hessian(parameters), point, parameters)
        if plain[0] != plain[0]:  # outside of what the loss is defined on, such as a negative rate
            continue
        assert outcome[:2] == plain[:2]
        hessian = outcome[2] if form.by_row else [outcome[2]]
        for found, *sides in zip(hessian, *by_differences(form, point, parameters), strict=True):
            tried += 1
            if abs(sides[1]) < JUMP and abs(sides[0] - sides[1]) <= 1e-9 * (1 + abs(sides[1])):
                assert found == pytest.approx(float(sides[1]), rel=1e-8, abs=1e-8), (point, given)
                continue
            kinks += 1  # where the slope has a kink, the hessian is that of one side; where it jumps, that beside it
            beside = [float(side) for side in sides if abs(side) < JUMP] or [0.0]
            assert any(found == pytest.approx(side, rel=1e-9) for side in beside), (point, given, found, sides)
    assert tried > 5
    assert kinks < tried / 2
