"""Numbers near the ends of the range of their type, and differences that cancel: cases that random calls found."""

import math

import mpmath
import numpy as np
import pytest
from catalogue import CATALOGUE

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


def test_evidential_keeps_the_digits_of_its_second_derivative():
    point = [np.float32([x]) for x in (1, 0.0024960395, 4.676875e36, 8.5070587e37, 0)]
    share = float(point[1][0]) / (1 + float(point[1][0]))
    expected = (float(point[2][0]) + 0.5) * share / float(point[3][0])
    criterion = lossreg.create("evidential", reduction="sum")
    np.testing.assert_allclose(criterion.value_grad_hess(*point)[2], [expected], rtol=4e-7)


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


MIXTURES = {
    # logits, means, log scales, target
    "a scale that underflows": (
        [1.8496153, 104.0, 0.21232371, 1.1217915, 1.065677],
        [-0.07256068, -3.9701772, 3.603157, 0.0, 0.03969108],
        [0.5, -710.0, 0.99999994, 4.3e-44, 1.4e-44],
        1.7246207,
    ),
    "a scale that overflows": (
        [0.99999976, 710.0, 1.0000007, 1.0000002, 1.0000011],
        [2.9089785, -2.3858635, -2.4554815, 0.9200608, 0.43379438],
        [-1.9e-9, 9.0875814e10, 0.60987705, 3.3634e7, 2.0499835],
        3.0,
    ),
    "a far mean": (
        [89.0, 0.9999998, 0.9999992, 1.0, 1.0000006],
        [1.7573041e36, 0.0, -2.8884836e36, 1.3321372e-04, 2.2452452e36],
        [-0.0456762, -1.3363389, -2.1907957, 3.8583112, -5.111886],
        -0.73,
    ),
    "a large logit": (
        [-5.47007e13, -3.57628e-05, -4.68958e-12, -280.0, 1.68577e11],
        [0.7109375, 2.140625, 0.12792969, 0.54296875, 1.765625],
        [1.0, 2.0, 0.0, 2.0, -17.0],
        -6.0,
    ),
    "a large logit of a far mean": (
        [-8.2109805e03, 2.6938185e12, -5.1718999e-08, 4.3310683e-07, 0.54807460],
        [3.6782426e-13, -3.4566333e14, 2.7060305e04, 4.8866593e-07, -8.3754473e14],
        [-0.60624886, -0.86979747, 1.7350601, -1.9376862, 3.716607],
        0.79089683,
    ),
    "a far target of components that are nearly equal": (
        [0.1358685, -0.11302455, 3.5563097, -0.51133704, -2.3685884],
        [-6e-45, 8e-45, 1e-7, -3e-6, 2e-5],
        [2.2e-12, -2.5e-6, -30.0, 9.15e-05, 1.5e-4],
        -72.397923,
    ),
}
"""Mixtures with components that are far from the target: one with the largest logit, or all that have a share."""


@pytest.mark.slow  # the compilation takes 4 s
@pytest.mark.parametrize("name", MIXTURES)
def test_a_mixture_has_the_digits_of_the_components_near_the_target(name):
    logits, means, log_scales, target = (np.float32(x) for x in MIXTURES[name])
    value, grads = lossreg.create("mixture_nll").value_and_grad(logits, means, log_scales, target)
    with mpmath.workdps(60):
        exact = [[*map(mpmath.mpf, x.tolist())] for x in (logits, means, log_scales)]
        y = mpmath.mpf(float(target))
        z = [(m - y) / mpmath.exp(s) for m, s in zip(*exact[1:], strict=True)]
        joint = [mpmath.exp(x - d * d / 2 - s) for x, d, s in zip(exact[0], z, exact[2], strict=True)]
        prior = [mpmath.exp(x - max(exact[0])) for x in exact[0]]
        share, other = [x / sum(joint) for x in joint], [x / sum(prior) for x in prior]
        expected = [
            [w - r for w, r in zip(other, share, strict=True)],
            [r * d / mpmath.exp(s) for r, d, s in zip(share, z, exact[2], strict=True)],
            [r * (1 - d * d) for r, d in zip(share, z, strict=True)],
        ]
        expected_value = float(CATALOGUE["mixture_nll"].oracle(*exact, y))
    np.testing.assert_allclose(value, expected_value, rtol=1e-6)
    for grad, other_grad in zip(grads, expected, strict=True):
        np.testing.assert_allclose(grad, np.array(other_grad, float), rtol=3e-6, atol=1e-7)


def test_an_infinite_logit_of_a_mixture_has_all_of_its_share_where_its_square_overflows():
    logits, means = np.float32([1.0, 0.9999987, 0.99999934, np.inf, 1.0]), np.float32([745, -1e5, 1, -6.9e18, -0.5])
    inputs = logits, means, np.float32([0.06, -1.15, 0.92, -3.19, -4.63]), np.float32(1)
    _, grads = lossreg.create("mixture_nll").value_and_grad(*inputs)
    np.testing.assert_array_equal(grads[0], 0)
    np.testing.assert_array_equal(np.flatnonzero(grads[1]), [3])


def test_orpo_overflows_only_where_its_slope_does():
    chosen, rejected = np.float32([-5.51013e-40]), np.float32([-2.11222e-39])
    _, grads = lossreg.create("orpo", reduction="sum").value_and_grad(chosen, rejected, wrt=("chosen", "rejected"))
    c, r = (-float(x[0]) for x in (chosen, rejected))  # 1 - e^x is -x for numbers of this size
    pull = 0.1 / (1 + r / c)
    np.testing.assert_allclose(np.ravel(grads), [-pull / c, pull / r], rtol=5e-7)


@pytest.mark.parametrize("size", [1e-18, 5.5e-15, 1e-4, 0.13, 7.0])
def test_smape_keeps_the_digits_of_its_slope_of_a_subnormal_target(size):
    target = np.float32([2e-44, 4e-41, 2 * size])
    prediction = np.full(3, size, "f4")
    criterion = lossreg.create("smape", reduction="none")
    expected = np.array([4, 4, -4]) * target.astype(float) / (prediction.astype(float) + target) ** 2
    np.testing.assert_allclose(criterion.value_and_grad(prediction, target)[1], expected, rtol=4e-7, atol=1.5e-45)
    bend = -2 * expected / (prediction.astype(float) + target)
    hessian = criterion.value_grad_hess(prediction, target)[2]
    np.testing.assert_allclose(hessian, bend, rtol=5e-7, atol=1.5e-45)


def test_error_states_of_numpy_do_not_reach_reductions_that_are_plugins():
    x = np.array([1.0, 2.0, 3.0])
    with np.errstate(all="raise"):
        value = lossreg.create("mse", reduction={"name": "trimmed", "fraction": 0.3})(
            x, 0 * x, sample_weight=[1e-300, 1e300, 1e-300]
        )
    assert value == 4
