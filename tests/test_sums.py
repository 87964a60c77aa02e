"""Sums: of blocks and inside rows, in float32 as exact as in float64, and in float64 to an ulp."""

import math

import mpmath
import numpy as np
import pytest

import lossreg

RANDOM = np.random.default_rng(15)
SIZES = (1, 2, 15, 16, 17, 100, 2047, 2048, 2049, 4096, 33_333)


def ulps(found, exact, kind):
    """How many units in the last place of the exact number one is from it."""
    return abs(float(found) - float(exact)) / float(np.spacing(np.abs(np.array(float(exact))).astype(kind)))


# The cases that were wrong, with the right values


def test_soft_targets_over_equal_classes():
    logits, target = np.full((1, 100_000), 0.1, "f4"), np.full((1, 100_000), 1e-5, "f4")
    exact = 100_000 * mpmath.mpf(float(target[0, 0])) * mpmath.log(100_000)
    assert ulps(lossreg.create("cross_entropy")(logits, target), exact, "f4") <= 1


@pytest.mark.parametrize("classes", [1000, *(pytest.param(n, marks=pytest.mark.slow) for n in (50_257, 250_000))])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_of_a_large_vocabulary(classes, smoothing):
    random = np.random.default_rng(classes)  # of its own: the numbers are the same whichever tests are selected
    logits = (random.normal(size=(1, classes)) * 3).astype("f4")
    chances = random.random((1, classes))
    chances = (chances / chances.sum()).astype("f4")
    criterion = lossreg.create("cross_entropy", label_smoothing=smoothing)
    for target in (chances, np.array([7])):
        exact = criterion(logits.astype(float), target.astype(float) if target.ndim == 2 else target)
        assert ulps(criterion(logits, target), exact, "f4") <= 1


def test_multilabel_margin_of_equal_numbers():
    x, labels = np.full((1, 100_000), 0.1, "f4"), np.full((1, 100_000), -1)
    labels[0, 0] = 3
    assert ulps(lossreg.create("multilabel_margin")(x, labels), 99_999 / 100_000, "f4") <= 1


def test_one_number_among_many_that_are_small_beside_it():
    x = np.ones(2048, "f4")
    x[0] = 1e8
    found = lossreg.create("l1", reduction="sum")(x, 0 * x)
    assert found == np.float32(100_002_047)


def test_what_cancels_leaves_the_rest():
    x = np.full(2048, -1, "f4")
    x[:2] = -1e8, 1e8
    assert lossreg.create("kl_div", log_target=True, reduction="sum")(x, 0 * x) == 2046


WIDE = {
    "multilabel_margin": lambda n: (reals(n), listed(n)),
    "multi_margin": lambda n: (reals(n), np.array([5])),
    "multilabel_soft_margin": lambda n: (reals(n), (RANDOM.random((1, n)) < 0.5).astype("f4")),
    "cosine_embedding": lambda n: (reals(n), reals(n), np.ones(1, "f4")),
    "triplet_margin": lambda n: (reals(n), reals(n), reals(n)),
}


def reals(n):
    return RANDOM.normal(size=(1, n)).astype("f4")


def listed(n):
    labels = np.full((1, n), -1)
    labels[0, :2] = 3, 7
    return labels


@pytest.mark.losses
@pytest.mark.parametrize("width", [100, 10_000])
@pytest.mark.parametrize("name", WIDE)
def test_wide_rows_in_float32_are_as_exact_as_in_float64(name, width):
    inputs = WIDE[name](width)
    criterion = lossreg.create(name, **{"margin": 100.0} if name == "triplet_margin" else {})  # nothing cancels
    exact = criterion(*(x.astype(float) if x.dtype.kind == "f" else x for x in inputs))
    assert ulps(criterion(*inputs), exact, "f4") <= 2


# A reduced value is the exact sum of its elements


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["mse", "l1", "bce_with_logits"])
def test_a_sum_is_exact_within_an_ulp_and_a_mean_is_its_quotient(name, size, kind):
    for scale in (1.0, np.exp(RANDOM.normal(size=size) * 6), np.zeros(size)):
        prediction = (RANDOM.normal(size=size) * scale + 0.1).astype(kind)
        target = RANDOM.random(size).astype(kind) if name == "bce_with_logits" else np.zeros(size, kind)
        values = lossreg.create(name, reduction="none")(prediction, target)
        exact = math.fsum(values.astype(float))
        total = lossreg.create(name, reduction="sum")(prediction, target)
        assert ulps(total, exact, kind) <= 1
        value, _ = lossreg.create(name).value_and_grad(prediction, target)
        # An ulp of a sum may be two of its quotient, so that in float64 only the division is compared.
        assert value == total / size if kind == "f8" else ulps(value, exact / size, kind) <= 1
        assert lossreg.create(name)(prediction, target) == value


@pytest.mark.parametrize("edge", [math.inf, math.nan])
def test_a_sum_that_is_not_finite_is_what_it_is(edge):
    x = np.array([1.0, edge, 2.0])
    assert repr(float(lossreg.create("mse", reduction="sum")(x, np.zeros(3)))) == repr(edge)


def test_soft_targets_have_the_same_value_with_the_slope_of_the_target():
    logits = (RANDOM.normal(size=(2, 33)) * 1e13).astype("f4")
    target = RANDOM.dirichlet(np.ones(33), 2).astype("f4")
    criterion = lossreg.create("cross_entropy", label_smoothing=0.001)
    value, _ = criterion.value_and_grad(logits, target, wrt=("target",))
    assert value == criterion(logits, target)


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize(("prediction", "target"), [(74.10457, 117.34671), (30.0, 1e13), (-60.0, 1e25), (2.0, 5.0)])
def test_a_poisson_rate_is_as_exact_with_the_part_of_the_target(kind, prediction, target):
    x, count = np.array([prediction], kind), np.array([target], kind)
    with mpmath.workdps(60):
        p, t = mpmath.mpf(float(x[0])), mpmath.mpf(float(count[0]))
        exact = mpmath.exp(p) - t * p + t * mpmath.log(t) - t + mpmath.log(2 * mpmath.pi * t) / 2
        largest = max(mpmath.exp(p), abs(t * p), t * mpmath.log(t))
        found = lossreg.create("poisson_nll", full=True)(x, count)
        assert abs(mpmath.mpf(float(found)) - exact) <= 3 * float(np.spacing(np.array(float(largest)).astype(kind)))
        assert prediction != 74.10457 or ulps(found, exact, kind) <= 2
