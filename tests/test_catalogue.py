"""The losses that PyTorch lacks against their formulas in 80 digits: values and slopes of all inputs."""

import mpmath
import numpy as np
import pytest
from catalogue import CATALOGUE, DIGITS

import lossreg
from lossreg.testing import CHECKS
from lossreg.testing.loss_under_test import loss_under_test
from lossreg.testing.results import CheckRun

POINTS = 24
STEP = mpmath.mpf(10) ** -20
ULPS = 4
"""The largest error, in units in the last place of the result, or of what one such unit of each input changes in it."""


def exactly(x):
    """A number, or a row of numbers, with all digits; an integer is a label."""
    if np.ndim(x):
        return [exactly(each) for each in x]
    return x if isinstance(x, int | str | bool) else mpmath.mpf(float(x))


def moved(point, at, step):
    """The point with one of its numbers moved."""
    position, j = at
    given = point[position]
    new = given + step if j is None else [*given[:j], given[j] + step, *given[j + 1 :]]
    return (*point[:position], new, *point[position + 1 :])


def places(point):
    """Where the numbers of a point are: the input, and the place in its row."""
    for position, given in enumerate(point):
        if isinstance(given, list):
            yield from ((position, j) for j in range(len(given)))
        elif not isinstance(given, int):
            yield position, None


def slope(function, point, at):
    """The derivative by one number."""
    return (function(moved(point, at, STEP)) - function(moved(point, at, -STEP))) / (2 * STEP)


def ulps(found, function, point, real, terms):
    """The error of a result, in units of its last place or of what such a unit of each input changes."""
    exact = function(point)
    changes = sum(abs(slope(function, point, at) * number_at(point, at)) for at in places(point))
    size = max(abs(exact), changes, mpmath.mpf(terms), mpmath.mpf(float(np.finfo(real).tiny)))
    return float(abs(mpmath.mpf(float(found)) - exact) / (size * float(np.finfo(real).eps)))


def number_at(point, at):
    """One number of a point."""
    given = point[at[0]]
    return given if at[1] is None else given[at[1]]


def outputs(loss, criterion, arrays):
    """The values of a batch, and the gradients of all inputs that have one, by name."""
    form = loss.forms[0]
    values, grads = criterion.value_and_grad(*arrays, wrt=[*form.slopes])
    return values, dict(zip(form.slopes, grads if isinstance(grads, tuple) else (grads,), strict=True))


def draw(case, real):
    """Batches of random points: all points of an element, or those of each length of rows."""
    random, widths = np.random.default_rng(7), getattr(case.draw, "widths", None)
    for width in widths or (None,):
        points = [case.draw(random, *([width] if width else [])) for _ in range(POINTS // len(widths or (1,)))]
        arrays = [np.array(each) for each in zip(*points, strict=True)]
        yield [array.astype(real) if array.dtype.kind == "f" else array for array in arrays]


def compare(name, parameters, real):
    """The largest error of values and of slopes by input over random points."""
    case, loss = CATALOGUE[name], lossreg.get(name)
    names = [entry.name for entry in loss.forms[0].inputs]
    given = {k: exactly(real(v)) if isinstance(v, float) else v for k, v in parameters.items()}
    criterion, worst = lossreg.create(name, reduction="none", **parameters), {}

    def note(key, *error_of):
        worst[key] = max(ulps(*error_of, real, case.terms), worst.get(key, 0))

    for arrays in draw(case, real):
        values, grads = outputs(loss, criterion, arrays)
        for n, numbers in enumerate(zip(*arrays, strict=True)):
            point = tuple(int(x) if not np.ndim(x) and x.dtype.kind == "i" else exactly(x) for x in numbers)

            def held(x, point=point):
                return case.constants(x, point, **given) if case.constants else case.oracle(*x, **given)

            note("value", values[n], lambda x: case.oracle(*x, **given), point)
            for at in places(point):
                key, where = names[at[0]], n if at[1] is None else (n, at[1])
                if key in grads:
                    note(key, grads[key][where], lambda x, at=at, f=held: slope(f, x, at), point)
    return worst


def check(name, real, parameters):
    with mpmath.mp.workdps(DIGITS):
        errors = compare(name, parameters, real)
        assert max(errors.values()) <= ULPS, (name, parameters, errors)


@pytest.mark.losses
@pytest.mark.parametrize("name", CATALOGUE)
def test_values_and_slopes_are_the_formulas(name):
    check(name, np.float64, CATALOGUE[name].parameters[0])


@pytest.mark.exhaustive  # two float types and all parameters of every loss are compiled
@pytest.mark.parametrize("name", CATALOGUE)
def test_values_and_slopes_are_the_formulas_with_all_parameters(name):
    for parameters in CATALOGUE[name].parameters:
        check(name, np.float32, parameters)
        check(name, np.float64, parameters)


@pytest.mark.losses
@pytest.mark.parametrize("name", CATALOGUE)
def test_the_documentation_is_complete(name):
    CHECKS["documentation_is_complete"].function(loss_under_test(name), CheckRun())


def test_orpo_with_beta_0_is_the_likelihood_also_of_answers_of_probability_1():
    assert lossreg.get("orpo").at(-1.0, 0.0, beta=0.0) == (1.0, -1.0, 0.0)
    assert lossreg.get("orpo").at(0.0, 0.0, beta=0.0) == (0.0, -1.0, 0.0)
