"""Weighted sums of losses: values, gradients and options are those of the terms, each times its factor."""

import pickle

import numpy as np
import pytest

import lossreg
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType

RANDOM = np.random.default_rng(0)
X, Y = RANDOM.normal(size=(2, 6, 4))
TERMS = {"mse": 1.0, "huber": {"factor": 0.5, "delta": 0.25}}


def parts(reduction="mean"):
    return lossreg.create("mse", reduction=reduction), lossreg.create("huber", delta=0.25, reduction=reduction)


@pytest.mark.slow  # 9 s of processor time
@pytest.mark.parametrize("reduction", ["none", "sum", "mean", "batchmean"])
@pytest.mark.parametrize("kind", [pytest.param(np.float32, marks=pytest.mark.slow), np.float64])  # 5 s each
def test_value_and_gradient_are_those_of_the_terms(reduction, kind):
    x, y = X.astype(kind), Y.astype(kind)
    options = {"sample_weight": RANDOM.random(6), "where": RANDOM.random((6, 4)) > 0.3}
    both, (first, second) = lossreg.create(TERMS, reduction=reduction), parts(reduction)
    value, (grad, of_target) = both.value_and_grad(x, y, wrt=("prediction", "target"), **options)
    expected, (one, of_one) = first.value_and_grad(x, y, wrt=("prediction", "target"), **options)
    more, (other, of_other) = second.value_and_grad(x, y, wrt=("prediction", "target"), **options)
    close = 4 * np.finfo(kind).eps
    np.testing.assert_allclose(value, expected + 0.5 * more, rtol=close)
    np.testing.assert_allclose(grad, one + 0.5 * other, rtol=close, atol=close)
    np.testing.assert_allclose(of_target, of_one + 0.5 * of_other, rtol=close, atol=close)
    assert (grad.dtype, value.dtype, both(x, y, **options).dtype) == (kind, kind, kind)
    np.testing.assert_array_equal(both(x, y, **options), value)
    out = np.empty_like(x)
    assert both.grad(prediction=x, target=y, out=out, **options) is out
    np.testing.assert_array_equal(out, grad)


@pytest.mark.slow  # 2 s of processor time
def test_second_derivatives_add_up():
    both, (first, second) = lossreg.create(TERMS), parts()
    _, grad, hess = both.value_grad_hess(X, Y)
    np.testing.assert_allclose(grad, both.grad(X, Y), rtol=1e-15)
    expected = first.value_grad_hess(X, Y)[2] + 0.5 * second.value_grad_hess(X, Y)[2]
    np.testing.assert_allclose(hess, expected, rtol=1e-15)
    np.testing.assert_allclose(both.hvp(X, Y, vector=Y), expected * Y, rtol=1e-14)


def test_each_term_divides_by_what_its_loss_divides_by():
    logits, labels, weight = RANDOM.normal(size=(5, 3)), np.array([0, 2, 1, -100, 1]), [1.0, 2.0, 0.5]
    labels[3] = 0
    both = lossreg.create({"cross_entropy": {"weight": weight}, "multi_margin": 2.0})
    expected = lossreg.create("cross_entropy", weight=weight)(logits, labels)
    expected += 2 * lossreg.create("multi_margin")(logits, labels)
    assert both(logits, labels) == pytest.approx(expected, rel=1e-15)
    assert both.value_of_each(logits, labels)[1] == lossreg.create("multi_margin")(logits, labels)
    with pytest.raises(InvalidParameter, match=r"1 cross_entropy \+ 2 multi_margin: the terms divide by different"):
        both.denominator(logits, labels)
    assert lossreg.create(TERMS).denominator(X, Y) == 24


def test_a_term_may_take_fewer_inputs():
    variance = 0.5 + RANDOM.random((6, 4))
    both = lossreg.create({"gaussian_nll": 1.0, "mse": 0.1})
    value, grads = both.value_and_grad(X, Y, variance)
    own, (by_mean, by_variance) = lossreg.create("gaussian_nll").value_and_grad(X, Y, variance)
    error, slope = lossreg.create("mse").value_and_grad(X, Y)
    assert value == pytest.approx(own + 0.1 * error, rel=1e-15)
    np.testing.assert_allclose(grads[0], by_mean + 0.1 * slope, rtol=1e-14)
    np.testing.assert_array_equal(grads[1], by_variance)


def test_a_sum_is_a_value():
    both = lossreg.create(TERMS, reduction="sum")
    terms = [{"name": "mse", "factor": 1.0}, {"name": "huber", "factor": 0.5, "delta": 0.25}]
    assert both == lossreg.create(terms, reduction="sum") == pickle.loads(pickle.dumps(both))  # noqa: S301  our own
    assert both == lossreg.create(both.config["name"], reduction=both.config["reduction"])
    assert hash(both) == hash(lossreg.create(terms, reduction="sum"))
    assert both != lossreg.create(terms)
    assert eval(repr(both)) == both  # noqa: S307  our own
    with pytest.raises(AttributeError, match="a sum of losses is immutable"):
        both.reduction = "mean"


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({}, InvalidParameter, "at least one term"),
        (7, InvalidType, "expected the name of a loss, a loss, or terms of a sum of losses; got 7"),
        ({"mse": "1"}, InvalidParameter, "mse: expected a finite number as its factor; got '1'"),
        ({"mse": float("inf")}, InvalidParameter, "mse: expected a finite number as its factor; got inf"),
        ({"mse": {"delta": 1.0}}, InvalidParameter, "mse has no parameter 'delta'"),
        ({"msee": 1.0}, LookupError, "mse"),
        ([{"factor": 1.0}], InvalidParameter, "expected terms such as"),
    ],
)
def test_what_is_no_sum_is_refused(given, kind, message):
    with pytest.raises(kind, match=message):
        lossreg.create(given)


def test_other_mistakes_are_explained():
    with pytest.raises(InvalidParameter, match=r"with its terms, such as .*'delta'"):
        lossreg.create({"huber": 1.0}, delta=2.0)
    both = lossreg.create({"mse": 1.0, "gaussian_nll": 1.0}, reduction="none")
    with pytest.raises(lossreg.InvalidType, match="gaussian_nll takes 3 arrays"):
        both(X, Y)
    with pytest.raises(InvalidInput, match=r"expected values of one shape; got \(6, 4\), \(6,\)"):
        lossreg.create({"mse": 1.0, "multilabel_soft_margin": 1.0}, reduction="none")(X, abs(Y) / 9)
