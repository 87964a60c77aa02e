"""Numbers near the ends of the range of their type, and differences that cancel: cases that random calls found."""

import math

import numpy as np
import pytest

import lossreg
from lossreg.kernels.batches.rows import normalized_rows, through_normalization


@pytest.mark.parametrize("name", ["iou", "giou", "diou", "ciou"])
def test_boxes_of_any_size_have_the_same_distance(name):
    rng = np.random.default_rng(0)
    box, target = rng.normal(size=(2, 50, 4)).astype("f4") + np.float32([0, 0, 2, 2])
    criterion = lossreg.create(name, reduction="none")
    value, grad = criterion.value_and_grad(box, target)
    for size in np.float32([2.0**110, 2.0**-110]):  # areas of 2^220 and 2^-220 are out of the range of float32
        other, other_grad = criterion.value_and_grad(box * size, target * size)
        np.testing.assert_array_equal(other, value)
        np.testing.assert_allclose(other_grad * size, grad, rtol=0, atol=2.0**-35)  # small slopes are subnormal


def test_a_box_that_contains_the_other_has_no_slope_of_an_empty_target():
    box, empty = np.float32([[-1.5859375, -0.01159668, 2.59375, 1.59375], [-1.3798828, 0.02456665, 1.703125, -0.0629]])
    np.testing.assert_array_equal(lossreg.create("giou").value_and_grad(box, empty)[1], 0)


@pytest.mark.parametrize("kind", ["f4", "f8"])
@pytest.mark.parametrize(("alpha", "beta"), [(1e15, 1.0), (1e30, 1e38)])
def test_evidential_of_much_evidence_is_a_normal_distribution(kind, alpha, beta):
    inputs = [np.array([x], kind) for x in (0, 1, alpha, beta, 0)]
    value, grads = lossreg.create("evidential").value_and_grad(*inputs)
    np.testing.assert_allclose(value, 0.5 * math.log(4 * math.pi * (beta / alpha)), rtol=4 * np.finfo(kind).eps)
    expected = [0, -0.25, -0.5 / alpha, 0.5 / beta]
    np.testing.assert_allclose(np.ravel(grads), expected, rtol=4 * np.finfo(kind).eps)


def test_a_power_of_a_large_number_has_its_digits():
    criterion = lossreg.create("general_robust", alpha=1.0)
    x = np.float32([3e3, 6.1343958e36])
    np.testing.assert_allclose(criterion(x[:1], 0 * x[:1]), np.sqrt(1 + 9e6) - 1, rtol=2e-7)
    assert criterion(x[1:], 0 * x[1:]) == x[1]


def test_a_gradient_along_its_own_row_keeps_its_digits():
    row = np.float32([[-0.00866827, 1.231072, -0.01019084]])
    slope = np.float32([[1.5, 2.5, -0.7]])
    exact = row.astype(float) / np.sqrt((row.astype(float) ** 2).sum())
    expected = (slope - (slope * exact).sum() * exact) / np.sqrt((row.astype(float) ** 2).sum())
    np.testing.assert_allclose(through_normalization(slope.copy(), *normalized_rows(row)), expected, rtol=5e-7)


def test_arcface_keeps_the_digits_of_a_small_angle():
    centres = np.float32([[1, 2, 3], [-1, 0.5, 0]])
    embedding = centres[:1] + np.float32([[2e-3, -1e-3, 0]])  # its cosine is 1 - 2e-7
    inputs = (embedding, np.array([0]), centres)
    criterion = lossreg.create("arcface", scale=1.0)
    value, grads = criterion.value_and_grad(*inputs)
    exact, expected = criterion.value_and_grad(*(x.astype(float) if x.dtype.kind == "f" else x for x in inputs))
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    for grad, other in zip(grads, expected, strict=True):
        np.testing.assert_allclose(grad, other, rtol=0, atol=1e-4 * abs(other).max())  # the angle is 6e-4


@pytest.mark.parametrize("weight", [0.1, 0.7, 1.20832825e189])
@pytest.mark.parametrize("strided", [False, True])
def test_equal_weights_of_many_elements_do_not_change_a_mean(weight, strided):
    x = np.full(140_000, math.sqrt(2))[:: 1 + strided]
    w = np.full(140_000, weight)[:: 1 + strided]
    assert abs(lossreg.create("mse")(x, 0 * x, sample_weight=w) - x[0] ** 2) <= np.spacing(2.0)


def test_the_nearest_component_of_a_mixture_is_known_where_squares_overflow():
    logits, means, log_scales = np.zeros((1, 3), "f4"), np.float32([[2e20, -1e20, 3e20]]), np.zeros((1, 3), "f4")
    value, grads = lossreg.create("mixture_nll").value_and_grad(logits, means, log_scales, np.zeros(1, "f4"))
    assert value == math.inf
    np.testing.assert_allclose(grads[0], [[1 / 3, 1 / 3 - 1, 1 / 3]], rtol=3e-7)
    np.testing.assert_array_equal(grads[1], np.float32([[0, -1e20, 0]]))


def test_error_states_of_numpy_do_not_reach_reductions_that_are_plugins():
    x = np.array([1.0, 2.0, 3.0])
    with np.errstate(all="raise"):
        value = lossreg.create("mse", reduction={"name": "trimmed", "fraction": 0.3})(
            x, 0 * x, sample_weight=[1e-300, 1e300, 1e-300]
        )
    assert value == 4
