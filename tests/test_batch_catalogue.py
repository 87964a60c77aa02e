"""The losses of batches that PyTorch lacks against the formulas of their papers: values, and slopes of all inputs."""

import mpmath
import numpy as np
import pytest
from batch_catalogue import BATCHES

import lossreg
from lossreg.testing import CHECKS
from lossreg.testing.loss_under_test import loss_under_test
from lossreg.testing.results import CheckRun

STEP = mpmath.mpf(2) ** -60
CLOSE = {np.float64: 2e-14, np.float32: 2e-6}
"""The largest error, beside the largest of the numbers that are compared: a batch is compared through its sums."""


def exactly(x):
    """An array with all digits; integers stay."""
    return x if x.dtype.kind in "ib" else np.frompyfunc(lambda number: mpmath.mpf(float(number)), 1, 1)(x)


def difference(function, arrays, position, at):
    """The derivative of the sum of the values by one number."""
    sums = []
    for step in (STEP, -STEP):
        moved = [array if array.dtype.kind in "ib" else np.asarray(array, object).copy() for array in arrays]
        moved[position][at] += step
        sums.append(mpmath.fsum(np.ravel(np.asarray(function(moved), object))))
    return float((sums[0] - sums[1]) / (2 * STEP))


def check(name, real, parameters):
    case, loss = BATCHES[name], lossreg.get(name)
    arrays = [np.asarray(x) for x in case.draw(np.random.default_rng(7))]
    arrays = [x.astype(real) if x.dtype.kind == "f" else x for x in arrays]
    form = loss.forms[0]
    slopes = [*form.slopes]
    with mpmath.mp.workdps(60):
        points = [np.asarray(exactly(x)) for x in arrays]
        exact = np.asarray(case.oracle(*points, **parameters), object).astype(float)
        criterion = lossreg.create(name, reduction="none" if exact.ndim else "sum", **parameters)
        values, grads = criterion.value_and_grad(*arrays, wrt=slopes)
        grads = grads if isinstance(grads, tuple) else (grads,)
        assert np.shape(values) == np.shape(exact)
        assert np.max(abs(values - exact)) <= CLOSE[real] * max(1, np.max(abs(exact)))

        def held(moved):
            return case.constants(moved, points, **parameters) if case.constants else case.oracle(*moved, **parameters)

        for key, grad in zip(slopes, grads, strict=True):
            position = [entry.name for entry in form.inputs].index(key)
            expected = np.zeros(np.shape(grad))
            for at in np.ndindex(np.shape(grad)):
                expected[at] = difference(held, points, position, at)
            assert np.max(abs(grad - expected)) <= CLOSE[real] * max(1, np.max(abs(expected))), key


@pytest.mark.parametrize("name", BATCHES)
def test_values_and_slopes_are_the_formulas(name):
    check(name, np.float64, BATCHES[name].parameters[0])


@pytest.mark.slow  # two float types and all parameters of every loss are compiled
@pytest.mark.parametrize("name", BATCHES)
def test_values_and_slopes_are_the_formulas_with_all_parameters(name):
    for parameters in BATCHES[name].parameters:
        check(name, np.float32, parameters)
        check(name, np.float64, parameters)


@pytest.mark.parametrize("name", BATCHES)
def test_the_documentation_is_complete(name):
    CHECKS["documentation_is_complete"].function(loss_under_test(name), CheckRun())
