"""The losses of batches that PyTorch lacks against the formulas of their papers: values, and slopes of all inputs."""

import numpy as np
import pytest
from batch_catalogue import BATCHES, evaluate

import lossreg
from lossreg.testing import CHECKS
from lossreg.testing.loss_under_test import loss_under_test
from lossreg.testing.results import CheckRun

CLOSE = {np.float64: 2e-14, np.float32: 2e-6}
"""The largest error, beside the largest of the numbers that are compared: a batch is compared through its sums."""


def check(name, real, parameters):
    case, form = BATCHES[name], lossreg.get(name).forms[0]
    arrays = [np.asarray(x) for x in case.draw(np.random.default_rng(7))]
    arrays = [x.astype(real) if x.dtype.kind == "f" else x for x in arrays]
    slopes = [*form.slopes]
    positions = [[entry.name for entry in form.inputs].index(key) for key in slopes]
    exact, expected = evaluate(name, arrays, positions, parameters)
    exact = exact.astype(float)
    criterion = lossreg.create(name, reduction="none" if exact.ndim else "sum", **parameters)
    values, grads = criterion.value_and_grad(*arrays, wrt=slopes)
    grads = grads if isinstance(grads, tuple) else (grads,)
    assert np.shape(values) == np.shape(exact)
    assert np.max(abs(values - exact)) <= CLOSE[real] * max(1, np.max(abs(exact)))
    for key, grad, slope in zip(slopes, grads, expected, strict=True):
        assert np.shape(grad) == slope.shape
        assert np.max(abs(grad - slope.astype(float))) <= CLOSE[real] * max(1, np.max(abs(slope.astype(float)))), key


@pytest.mark.losses
@pytest.mark.parametrize("name", BATCHES)
def test_values_and_slopes_are_the_formulas(name):
    check(name, np.float64, BATCHES[name].parameters[0])


@pytest.mark.exhaustive  # two float types and all parameters of every loss are compiled
@pytest.mark.parametrize("name", BATCHES)
def test_values_and_slopes_are_the_formulas_with_all_parameters(name):
    for parameters in BATCHES[name].parameters:
        check(name, np.float32, parameters)
        check(name, np.float64, parameters)


@pytest.mark.losses
@pytest.mark.parametrize("name", BATCHES)
def test_the_documentation_is_complete(name):
    CHECKS["documentation_is_complete"].function(loss_under_test(name), CheckRun())


# Limits and ties


def fields(name, *arrays, **parameters):
    """The value of a mean, and the gradients of all inputs that have one, as plain numbers."""
    value, grads = lossreg.create(name, **parameters).value_and_grad(*map(np.asarray, arrays))
    return float(value), [np.asarray(grad) for grad in (grads if isinstance(grads, tuple) else (grads,))]


SAME = np.ones((3, 2))
APART = np.eye(3)


@pytest.mark.losses
@pytest.mark.parametrize(
    ("name", "arrays", "expected"),
    [
        ("supcon", (SAME, [0, 0, 0]), np.log(2)),
        ("supcon", (APART, [0, 1, 2]), 0.0),  # no sample has a positive
        ("supcon", (0 * SAME, [0, 0, 1]), np.log(2)),
        ("nt_xent", (SAME, SAME), np.log(5)),
        ("nt_xent", (SAME[:1], SAME[:1]), 0.0),  # the only other vector is the view itself
        ("info_nce", (SAME, SAME, 0.07), np.log(3)),
        ("info_nce", (0 * SAME, SAME, 0.07), np.log(3)),
        ("siglip", (0 * SAME, SAME, 0.1, 0.0), 3 * np.log(2)),
        ("n_pairs", (SAME, SAME), np.log(3)),
        ("circle", (SAME, [0, 0, 0]), 0.0),  # no negative
        ("circle", (APART, [0, 1, 2]), 0.0),  # no positive
        ("multi_similarity", (SAME[:1], [0]), 0.0),
        ("barlow_twins", (SAME, SAME), 2.0),  # constant: no correlation
        ("barlow_twins", (APART[:1], APART[:1]), 3.0),
        ("vicreg", (SAME, SAME), 25 * (1 - 1e-2)),
        ("vicreg", (SAME[:1], SAME[:1]), 25 * (1 - 1e-2)),
        ("proxy_nca", (SAME[:1], [0], SAME[:2]), 0.0),
        ("arcface", (SAME[:1], [0], SAME[:1]), 0.0),  # one class
        ("cosface", (0 * SAME, [0, 1, 0], SAME[:2]), float(np.log1p(np.exp(64 * 0.35)))),
        ("ranknet", ([1.0, 2.0], [0.0, 0.0], [1, 1]), 0.0),  # no pair of known order
        ("ranknet", ([1000.0, 0.0], [0.0, 1.0], [1, 1]), 1000.0),
        ("lambda_rank", ([1.0, 2.0], [3.0, 3.0], [1, 1]), 0.0),
        ("lambda_rank", ([0.0, 800.0], [900.0, 0.0], [1, 1]), 800 * (1 - 1 / np.log2(3))),
        ("list_net", ([1e4, 0.0], [0.0, 1e4], [1, 1]), 1e4),
        ("list_mle", ([5.0], [1.0], [1]), 0.0),
        ("list_mle", ([0.0, 1e4], [1.0, 0.0], [1, 1]), 1e4),
        ("pairwise_auc", ([1.0, 2.0], [1.0, 1.0]), 0.0),  # no negative
        ("cox", ([1.0, 2.0], [1.0, 2.0], [0, 0]), 0.0),  # all censored
        ("cox", ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1, 1, 1]), np.log(6) / 3),  # all at the same time
        ("cox", ([1e4, -1e4, 0.0], [1.0, 3.0, 2.0], [1, 1, 1]), 0.0),
        ("mmd", (SAME, SAME), 0.0),
        ("mmd", (1e9 * SAME[:1], SAME[:1]), 2.0),
        ("energy_distance", (SAME, SAME), 0.0),
        ("dice", (0 * SAME[np.newaxis], 0 * SAME[np.newaxis]), 0.0),  # nothing predicted, nothing true
        ("jaccard", (SAME[np.newaxis], SAME[np.newaxis]), 0.0),
        ("tversky", (SAME[np.newaxis], SAME[np.newaxis]), 0.0),
        ("generalized_dice", (SAME[np.newaxis], 0 * SAME[np.newaxis]), 1.0),  # no class has a true pixel
        ("lovasz_hinge", ([[0.0, 0.0]], [[0.0, 0.0]]), 1.0),  # equal errors, nothing inside
        ("lovasz_softmax", ([[[0.5], [0.5]]], [[0]]), 0.5),
    ],
)
def test_limits(name, arrays, expected):
    value, grads = fields(name, *arrays)
    assert value == pytest.approx(expected, rel=1e-14, abs=1e-15)
    assert all(np.isfinite(grad).all() for grad in grads)


@pytest.mark.parametrize("name", ["supcon", "multi_similarity", "circle"])
def test_a_label_below_0_is_refused_with_its_place(name):
    with pytest.raises(lossreg.InvalidInput, match=rf"^{name}: expected label a class, 0 or above; got -1 at \[2\]"):
        lossreg.create(name)(np.ones((3, 2)), [0, 1, -1], where=[False, True, True])


@pytest.mark.parametrize("name", ["dice", "jaccard", "tversky", "generalized_dice"])
def test_regions_without_anything_have_no_slope(name):
    nothing = np.zeros((2, 1, 3))
    smooth = {} if name == "generalized_dice" else {"smooth": 0.0}
    value, (grad,) = fields(name, nothing, nothing, **smooth)
    assert value == 0
    assert not grad.any()
    masked = lossreg.create(name, **smooth)(nothing + 0.5, nothing, where=np.zeros((2, 3), bool))
    assert masked == 0


@pytest.mark.parametrize("over", ["images", "batch"])
@pytest.mark.parametrize("given", [-1e-30, 1.0000001, np.nan])
def test_regions_refuse_what_is_no_probability_and_take_minus_0(over, given):
    prediction, target = np.random.default_rng(0).uniform(size=(2, 2, 2, 3)).astype(np.float32)
    prediction[0, 1, 0], criterion = -0.0, lossreg.create("dice", over=over)
    assert np.isfinite(criterion(prediction, target))
    prediction[1, 0, 2] = given
    with pytest.raises(lossreg.InvalidInput, match=r"from 0 to 1.*\[1, 0, 2\]"):
        criterion.value_and_grad(prediction, target)


def test_an_image_has_the_same_bits_in_one_thread_as_in_several():
    prediction, target = np.random.default_rng(0).uniform(size=(2, 1, 3, 9_000)).astype(np.float32)
    criterion, threads, found = lossreg.create("tversky"), lossreg.get_num_threads(), []
    try:
        for number in (1, 2):
            lossreg.set_num_threads(number)
            found.append(criterion.value_and_grad(prediction, target))
    finally:
        lossreg.set_num_threads(threads)
    assert found[0][0] == found[1][0]
    np.testing.assert_array_equal(found[0][1], found[1][1])


@pytest.mark.parametrize("size", [2.0**-70, 2.0**70])
def test_energy_distances_are_in_proportion_beyond_the_range_of_squares(size):
    x, y = np.random.default_rng(0).normal(size=(2, 30, 4)).astype(np.float32)
    value, (grad,) = fields("energy_distance", x, y)
    scaled, (same,) = fields("energy_distance", np.float32(size) * x, np.float32(size) * y)
    assert scaled == pytest.approx(size * value, rel=1e-7)
    np.testing.assert_allclose(same, grad, rtol=1e-6, atol=1e-9)


def test_a_dice_of_soft_labels_is_the_tversky_of_halves():
    random = np.random.default_rng(3)
    p, t = random.random((2, 4, 3, 5))
    ours, other = (
        fields(name, p, t, **parameters)
        for name, parameters in (("dice", {"smooth": 2.0}), ("tversky", {"alpha": 0.5, "beta": 0.5, "smooth": 1.0}))
    )
    assert ours[0] == pytest.approx(other[0], rel=1e-14)
    np.testing.assert_allclose(ours[1][0], other[1][0], rtol=1e-12)


def test_the_order_of_equal_errors_changes_no_value():
    score, target = np.zeros((1, 6)), np.array([[1.0, 0, 1, 0, 0, 1]])
    values = {
        fields("lovasz_hinge", score, target[:, order])[0]
        for order in np.random.default_rng(0).permuted(np.tile(np.arange(6), (5, 1)), axis=1)
    }
    assert max(values) == pytest.approx(min(values), rel=1e-15)


def test_pixels_to_ignore_are_not_read():
    p, label = np.array([[[0.75, np.nan], [0.25, np.nan]]]), np.array([[0, -100]])
    value, (grad,) = fields("lovasz_softmax", p, label)
    assert value == pytest.approx(0.25)
    assert not grad[..., 1].any()


@pytest.mark.losses
@pytest.mark.parametrize(
    ("name", "box", "other", "expected"),
    [
        ("iou", [0, 0, 1, 1], [0, 0, 1, 1], 0.0),
        ("iou", [0, 0, 0, 0], [0, 0, 0, 0], 1.0),  # no area
        ("iou", [0, 0, 1, 1], [1, 0, 2, 1], 1.0),  # they touch
        ("giou", [0, 0, 0, 0], [0, 0, 0, 0], 1.0),
        ("giou", [0, 0, 1, 1], [1, 0, 2, 1], 1.0),
        ("diou", [0, 0, 0, 0], [0, 0, 0, 0], 1.0),
        ("diou", [0, 0, 1, 1], [0, 0, 1, 1], 0.0),
        ("ciou", [0, 0, 2, 0], [0, 0, 1, 1], 1.1),  # a flat box has no aspect
        ("ciou", [0, 0, 1, 1], [0, 0, 1, 1], 0.0),
        ("iou", [1e-9, 0, 1, 1], [0, 0, 1, 1], 1e-9),  # with all digits
    ],
)
def test_limits_of_boxes(name, box, other, expected):
    value, (grad,) = fields(name, np.array(box, float), np.array(other, float))
    assert value == pytest.approx(expected, rel=1e-15, abs=0)
    assert np.isfinite(grad).all()
