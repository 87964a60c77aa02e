"""Arguments at the edges: shapes that broadcast, labels beyond int64, error states of numpy, and empty arrays."""

import math

import numpy as np
import pytest

import lossreg
from lossreg.errors import InvalidInput, InvalidParameter

LOGITS = np.array([[1, 2, 3], [0, 0, 0]], "f4")


@pytest.mark.parametrize("shape", [(3, 1, 2), (1, 4, 2), (3, 4, 1), (3, 4), (3, 1, 1), (1, 1, 1), ()])
def test_a_variance_may_have_any_axis_of_length_1(shape):
    x = np.arange(24, dtype="f4").reshape(3, 4, 2)
    variance = np.linspace(1, 2, math.prod(shape), dtype="f4").reshape(shape)
    full = np.broadcast_to(variance[..., np.newaxis] if shape == (3, 4) else variance, x.shape)
    value, grad = lossreg.create("gaussian_nll").value_and_grad(x, 0 * x, variance, wrt=("prediction",))
    np.testing.assert_allclose(
        value, (0.5 * (np.log(full.astype(float)) + x.astype(float) ** 2 / full)).mean(), rtol=2e-7
    )
    np.testing.assert_allclose(grad, x / full / x.size, rtol=1e-6)


@pytest.mark.parametrize("ignored", [2**63, -(2**63) - 1, [-100, 2**63]])
@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
def test_a_label_to_ignore_beyond_64_bits_is_refused(name, ignored):
    with pytest.raises(InvalidParameter, match="ignore_index: expected an integer, or a list of integers"):
        lossreg.create(name, ignore_index=ignored)


@pytest.mark.parametrize("kind", ["u4", "u8", "i8"])
def test_the_largest_label_of_a_type_is_reported_as_it_is(kind):
    largest = np.iinfo(kind).max
    with pytest.raises(InvalidInput, match=rf"a class from 0 to 2 .*; got {largest} at \[1\]$"):
        lossreg.create("cross_entropy")(LOGITS, np.array([0, largest], kind))


def test_a_least_variance_below_float32():
    criterion, one = lossreg.create("gaussian_nll", eps=1e-50), np.ones(2, "f4")
    assert criterion(one, 0 * one, one) == 0.5
    assert criterion(one, 0 * one, 0 * one) == math.inf
    np.testing.assert_allclose(criterion(one, one, 0 * one), math.log(1e-50) / 2, rtol=2e-7)


@pytest.mark.parametrize(
    ("kind", "prediction", "options"),
    [
        ("f2", [6e4, 1e-7], {}),
        ("f4", [1e30, 1e-30], {}),
        ("f8", [1e200, 1e-200], {}),
        ("f4", [1, 3], {"sample_weight": [1e-300, 1e300]}),
        ("f4", [1, 3], {"sample_weight": [1e-320, 1e-320]}),
        ("f4", [1, 3], {"sample_weight": [1e308, 1e308], "denominator": 1e300}),
        ("f8", [1e200, np.nan], {"where": [True, False]}),
    ],
)
def test_error_states_of_numpy_change_nothing(kind, prediction, options):
    x = np.array(prediction, kind)
    with np.errstate(all="ignore"):
        expected = lossreg.create("mse").value_and_grad(x, 0 * x, **options)
    with np.errstate(all="raise"):
        found = lossreg.create("mse").value_and_grad(x, 0 * x, **options)
    np.testing.assert_array_equal(np.append(*found), np.append(*expected))


@pytest.mark.parametrize("weight", [1e300, np.nan, np.inf])
def test_a_mask_without_true_reads_no_weight(weight):
    where, weights = np.zeros(LOGITS.shape, bool), np.full(LOGITS.shape, weight)
    value, grad = lossreg.create("mse").value_and_grad(LOGITS, 0 * LOGITS, where=where, sample_weight=weights)
    assert value == 0
    assert not grad.any()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3), (0, 0), (0, 1, 2, 3)])
@pytest.mark.parametrize("options", [{}, {"sample_weight": True}, {"where": True}])
def test_empty_arrays_of_every_rank(shape, options):
    x = np.empty(shape, "f4")
    given = {key: np.empty(shape, bool if key == "where" else float) for key in options}
    value, grad = lossreg.create("mse").value_and_grad(x, x, **given)
    assert (value, grad.shape) == (0, shape)
    assert lossreg.create("mse", weight=np.empty(shape))(x, x) == 0
    assert lossreg.create("mse", reduction="none")(x, x).shape == shape


def test_out_may_be_the_target_or_the_weights():
    x, target, weights = np.array([1, 3], "f4"), np.array([5, 1], "f4"), np.array([1, 2], "f4")
    expected = lossreg.create("mse").value_and_grad(x, target, sample_weight=weights)
    for at in range(2):
        arrays = [target.copy(), weights.copy()]
        value, grad = lossreg.create("mse").value_and_grad(x, arrays[0], sample_weight=arrays[1], out=arrays[at])
        assert grad is arrays[at]
        assert value == expected[0]
        assert grad.tolist() == expected[1].tolist()
