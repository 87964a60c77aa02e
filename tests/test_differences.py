"""Where lossreg differs from PyTorch 2.13 on purpose: what its users ask for. Each test says what PyTorch does.

The table of differences in docs/pytorch.md, made by experiments/differences, shows both side by side.
"""

import math

import numpy as np
import pytest

import lossreg
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType

INF, NAN = math.inf, math.nan
FLOATS = ("float32", "float64")
ELEMENTWISE = ("bce_with_logits", "huber", "kl_div", "l1", "mse", "smooth_l1")


# Shapes: PyTorch broadcasts with a warning, or none at all, and gives n by n errors.


@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize(("first", "second"), [((4, 1), (4,)), ((4,), (4, 1)), ((4,), ()), ((), (4,)), ((2, 3), (3,))])
def test_different_shapes_are_an_error(name, first, second):
    with pytest.raises(InvalidInput) as caught:
        lossreg.create(name)(np.full(first, 0.5), np.full(second, 0.5))
    expected = f"of shape {first}, as {lossreg.get(name).inputs[0].name} has shape {first}; got {second}"
    assert str(caught.value).startswith(f"{name}: expected {lossreg.get(name).inputs[1].name} {expected}")


def test_rows_and_labels_that_do_not_go_together_are_an_error():
    with pytest.raises(
        InvalidInput, match=r"label of shape \(2,\), as logits has shape \(2, 3\); got \(3,\); or target"
    ):
        lossreg.create("cross_entropy")(np.zeros((2, 3)), np.zeros(3, int))
    with pytest.raises(InvalidInput, match=r"x2 of shape \(2, 3\), as x1 has shape \(2, 3\); got \(3,\)"):
        lossreg.create("cosine_embedding")(np.ones((2, 3)), np.ones(3), np.ones(2))


# A mean over nothing: nan there.


@pytest.mark.losses
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", ELEMENTWISE)
@pytest.mark.parametrize("reduction", ["mean", "batchmean"])
def test_a_mean_over_an_empty_batch_is_zero(name, kind, reduction):
    empty = np.empty((0, 3), kind)
    value, grad = lossreg.create(name, reduction=reduction).value_and_grad(empty, empty)
    assert (value, value.dtype, grad.shape, grad.dtype) == (0, kind, (0, 3), kind)


@pytest.mark.parametrize("kind", FLOATS)
def test_a_mean_over_ignored_labels_is_zero_with_gradient_zero(kind):
    logits = np.array([[1, 2], [3, NAN]], kind)
    value, grad = lossreg.create("cross_entropy").value_and_grad(logits, [-100, -100])
    assert value == 0
    np.testing.assert_array_equal(grad, np.zeros((2, 2), kind))


@pytest.mark.parametrize("nothing", [{"where": [False, False]}, {"sample_weight": [0, 0]}])
def test_a_mean_over_what_is_masked_or_weighs_nothing_is_zero(nothing):
    value, grad = lossreg.create("mse").value_and_grad([INF, NAN], [0.0, 1.0], **nothing)
    assert value == 0
    np.testing.assert_array_equal(grad, [0, 0])


def test_a_mean_over_classes_of_weight_zero_is_zero():
    criterion = lossreg.create("cross_entropy", weight=[0.0, 1.0])
    value, grad = criterion.value_and_grad([[1.0, 2.0]], [0])
    assert value == 0
    np.testing.assert_array_equal(grad, [[0, 0]])


# What is ignored, masked or of weight 0 is never read: there, nan or inf leak into the gradient.


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("bad", [NAN, INF, -INF])
def test_an_ignored_row_leaks_nowhere(bad, kind):
    logits = np.array([[1, 2, 3], [bad, bad, 1], [0, 0, bad if bad == -INF else 1]], kind)
    for reduction in ("none", "sum", "mean"):
        criterion = lossreg.create("cross_entropy", reduction=reduction)
        value, grad = criterion.value_and_grad(logits, [0, -100, 1])
        kept, kept_grad = criterion.value_and_grad(logits[[0, 2]], [0, 1])
        np.testing.assert_array_equal(value if value.shape == () else value[[0, 2]], kept)
        np.testing.assert_array_equal(grad, [kept_grad[0], [0, 0, 0], kept_grad[1]])


@pytest.mark.losses
@pytest.mark.parametrize("kind", [pytest.param("float32", marks=pytest.mark.slow), "float64"])  # 18 s each
@pytest.mark.parametrize("name", [*ELEMENTWISE, "cosine_embedding", "cross_entropy"])
@pytest.mark.parametrize(
    "out",
    [
        pytest.param({"where": [True, False, True]}, marks=pytest.mark.slow, id="where"),
        pytest.param({"sample_weight": [2, 0, 2]}, id="sample_weight"),
    ],
)
@pytest.mark.parametrize("bad", [NAN, INF])
def test_what_is_masked_or_weighs_nothing_leaks_nowhere(name, kind, out, bad):
    first, second = np.full((3, 2), 0.5, kind), np.full((3, 2), 0.25, kind)
    first[1], second[1] = bad, NAN if name != "cross_entropy" else 0.5
    others = {"cosine_embedding": [second, [1, 5, -1]], "cross_entropy": [[0, 99, 1]]}.get(name, [second])
    kept = [np.asarray(x)[[0, 2]] for x in others]
    for reduction in ("none", "sum", "mean"):
        criterion = lossreg.create(name, reduction=reduction)
        value, grads = criterion.value_and_grad(first, *others, **out)
        weight = {key: np.asarray(x)[[0, 2]] for key, x in out.items()}
        expected, expected_grads = criterion.value_and_grad(first[[0, 2]], *kept, **weight)
        if reduction == "none":
            assert not np.any(value[1])
            value = value[[0, 2]]
        np.testing.assert_array_equal(value, expected)
        for grad, wanted in zip(np.atleast_3d(grads), np.atleast_3d(expected_grads), strict=False):
            assert np.all(np.isfinite(grad))
            assert np.all(np.isfinite(wanted))
        grads, expected_grads = (x if isinstance(x, tuple) else (x,) for x in (grads, expected_grads))
        for grad, wanted in zip(grads, expected_grads, strict=True):
            np.testing.assert_array_equal(grad[[0, 2]], wanted)
            np.testing.assert_array_equal(grad[1], [0, 0])


# Limits are numbers: there, mostly nan.


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize(
    ("logit", "target", "value", "slope"),
    [
        (INF, 1, 0, 0),
        (-INF, 0, 0, 0),
        (INF, 0, INF, 1),
        (-INF, 1, INF, -1),
        (1000, 1, 0, 0),
        (-1000, 1, 1000, -1),
        (INF, 0.5, INF, 0.5),
    ],
)
def test_infinite_logits_give_the_limit(logit, target, value, slope, kind):
    criterion = lossreg.create("bce_with_logits", reduction="none")
    ours, grad = criterion.value_and_grad(np.array([logit], kind), [target])
    assert (ours[0], grad[0]) == (value, slope)


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("parameter", ["weight", "pos_weight"])
def test_weight_zero_times_an_infinite_loss_is_zero(parameter, kind):
    logit = np.array([-INF, 3], kind)
    value, grad = lossreg.create("bce_with_logits", **{parameter: [0.0, 1.0]}).value_and_grad(logit, [1, 1])
    plain, plain_grad = lossreg.create("bce_with_logits").value_and_grad(logit[1:], [1])
    assert value == plain / 2
    np.testing.assert_array_equal(grad, [0, plain_grad[0] / 2])


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize(
    ("logits", "label", "value", "slope"),
    [
        ([0, -INF, 0], 0, math.log(2), [-0.5, 0, 0.5]),
        ([0, -INF, 0], 1, INF, [0.5, -1, 0.5]),
        ([INF, 0], 0, 0, [0, 0]),
        ([INF, 0], 1, INF, [1, -1]),
        ([INF, INF], 0, math.log(2), [-0.5, 0.5]),
        ([-INF, -INF], 0, math.log(2), [-0.5, 0.5]),
        ([-INF], 0, 0, [0]),
        ([1000, 1000, 0], 0, math.log(2), [-0.5, 0.5, 0]),
        ([-1000, 0], 0, 1000, [-1, 1]),
    ],
)
def test_infinite_and_huge_logits_give_the_limit(logits, label, value, slope, kind):
    ours, grad = lossreg.create("cross_entropy").value_and_grad(np.array(logits, kind), label)
    assert ours == pytest.approx(value, rel=3e-7 if kind == "float32" else 1e-15)
    np.testing.assert_array_equal(grad, slope)


@pytest.mark.parametrize("kind", FLOATS)
def test_probability_zero_against_an_infinite_logit_is_zero(kind):
    criterion = lossreg.create("cross_entropy")
    value, grad = criterion.value_and_grad(np.array([0, -INF, 0], kind), [1.0, 0.0, 0.0])
    assert value == pytest.approx(math.log(2), rel=3e-7)
    np.testing.assert_array_equal(grad, [-0.5, 0, 0.5])


def test_class_weight_zero_against_an_infinite_loss_is_zero():
    criterion = lossreg.create("cross_entropy", weight=[1.0, 0.0], reduction="none")
    value, grad = criterion.value_and_grad([[0.0, -INF]], [1])
    assert value[0] == 0
    np.testing.assert_array_equal(grad, [[0, 0]])
    smooth = lossreg.create("cross_entropy", weight=[1.0, 0.0], label_smoothing=0.5, reduction="none")
    assert np.all(np.isfinite(smooth.value_and_grad([[0.0, -INF]], [0])[1]))
    assert smooth([[0.0, -INF]], [0])[0] == 0


@pytest.mark.parametrize("kind", FLOATS)
def test_target_zero_against_an_infinite_log_probability_is_zero(kind):
    log_q = np.array([-INF, math.log(0.5)], kind)
    value, grad = lossreg.create("kl_div", reduction="none").value_and_grad(log_q, [0.0, 0.5])
    np.testing.assert_array_equal(value, [0, 0])
    np.testing.assert_array_equal(grad, [0, -0.5])
    value, grad = lossreg.create("kl_div", reduction="none", log_target=True).value_and_grad(log_q, [-INF, -INF])
    np.testing.assert_array_equal(value, [0, 0])
    np.testing.assert_array_equal(grad, [0, 0])


@pytest.mark.parametrize("kind", FLOATS)
def test_a_true_class_that_wins_by_far_keeps_value_and_gradient(kind):
    gap = 40 if kind == "float64" else 20  # both are 0.0 there
    expected = math.exp(-gap)
    value, grad = lossreg.create("cross_entropy").value_and_grad(np.array([[0, gap, 0]], kind), [1])
    close = 1e-15 if kind == "float64" else 3e-7
    assert value == pytest.approx(2 * expected, rel=close, abs=0)
    assert grad[0].tolist() == pytest.approx([expected, -2 * expected, expected], rel=close, abs=0)


# Cosine: there 1e-12 is added to the squared norms, so that short vectors are not parallel to themselves (0.99990 for
# 1e-8, where it is 0), the gradient at 0 is 1e6, and squares of 1e200 overflow to nan.


@pytest.mark.parametrize(
    ("size", "kind"),
    [(1e-8, "float64"), (1e200, "float64"), (1e-200, "float64"), (1e-20, "float32"), (1e20, "float32")],
)
def test_a_cosine_is_that_of_the_directions_whatever_the_norms(size, kind):
    x1, x2 = np.array([size, 0], kind), np.array([size, size], kind)
    criterion = lossreg.create("cosine_embedding")
    assert criterion(x1, x1, 1) == 0
    assert criterion(x1, -x1, 1) == 2
    close = {"rel": 3e-7, "abs": 0} if kind == "float32" else {"rel": 1e-15, "abs": 0}
    value, (grad1, grad2) = criterion.value_and_grad(x1, x2, 1)
    assert value == pytest.approx(1 - math.sqrt(0.5), **close)
    assert (grad1 * np.array(size, kind)).tolist() == pytest.approx([0, -math.sqrt(0.5)], rel=3e-7, abs=1e-7)
    assert (grad2 * np.array(size, kind)).tolist() == pytest.approx([-(0.5**1.5), 0.5**1.5], rel=3e-7, abs=1e-7)


@pytest.mark.parametrize("target", [1, -1])
def test_a_vector_of_norm_zero_has_cosine_zero_and_no_slope(target):
    zero, other = np.zeros(2), np.array([1.0, 0.0])
    for first, second in ((zero, other), (other, zero), (zero, zero)):
        value, grads = lossreg.create("cosine_embedding", margin=-0.5).value_and_grad(first, second, target)
        assert value == (1 if target == 1 else 0.5)
        np.testing.assert_array_equal(grads, np.zeros((2, 2)))


@pytest.mark.parametrize("target", [0, 2, 0.5, NAN])
def test_a_target_that_is_no_side_is_refused(target):
    # There it is a loss of 0.
    with pytest.raises(InvalidInput, match=r"^cosine_embedding: expected target 1 or -1; got .* at \[1\]$"):
        lossreg.create("cosine_embedding")(np.ones((2, 2)), np.ones((2, 2)), [1.0, target])


# Targets of any type, and labels out of range: there, only int64 and uint8 labels and float targets.


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "int32", "uint32", "int64", "uint64", ">i4"])
def test_labels_are_of_any_integer_type(kind):
    logits = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    assert lossreg.create("cross_entropy")(logits, np.array([2, 1], kind)) == lossreg.create("cross_entropy")(
        logits, [2, 1]
    )


@pytest.mark.parametrize("kind", ["bool", "int8", "uint8", "int32", "int64", "float16", "float32", "float64"])
@pytest.mark.parametrize("name", [*ELEMENTWISE, "cosine_embedding"])
def test_targets_are_of_any_type(name, kind):
    prediction = np.array([[0.5, 1.5], [2.5, 0.25]], np.float32)
    inputs = [prediction] if name in ELEMENTWISE else [prediction, prediction[::-1]]
    target = np.ones((2, 2) if name in ELEMENTWISE else 2)
    value, grads = lossreg.create(name).value_and_grad(*inputs, target.astype(kind))
    expected, wanted = lossreg.create(name).value_and_grad(*inputs, target.astype("float32"))
    assert value == expected
    # The prediction decides the type; where both vectors have a gradient, each its own.
    assert value.dtype == np.float32
    np.testing.assert_array_equal(grads, wanted)


@pytest.mark.parametrize("labels", [[0.0, 1.0], [True, False]])
def test_labels_that_are_no_integers_are_refused(labels):
    with pytest.raises(InvalidType, match=r"^cross_entropy: expected label of an integer type; got (float64|bool); or"):
        lossreg.create("cross_entropy")(np.zeros((2, 2)), np.array(labels))


@pytest.mark.parametrize(
    ("labels", "ignored", "message"),
    [
        ([[0, 1], [3, 2]], None, r"a class from 0 to 2 or -100 \(ignored\); got 3 at \[1, 0\]"),
        ([[0, 1], [2, -1]], None, r"a class from 0 to 2 or -100 \(ignored\); got -1 at \[1, 1\]"),
        ([[0, -100], [2, 1]], -1, r"a class from 0 to 2 or -1 \(ignored\); got -100 at \[0, 1\]"),
        ([[0, 2**40], [2, 1]], 1, r"a class from 0 to 2 or 1 \(ignored\); got 1099511627776 at \[0, 1\]"),
    ],
)
def test_a_label_out_of_range_names_position_value_and_range(labels, ignored, message):
    parameters = {} if ignored is None else {"ignore_index": ignored}
    with pytest.raises(InvalidInput, match=f"^cross_entropy: expected label {message}$"):
        lossreg.create("cross_entropy", **parameters).value_and_grad(np.zeros((2, 3, 2)), np.array(labels))


def test_an_unsigned_label_is_never_mistaken_for_the_ignored_one():
    with pytest.raises(InvalidInput, match=r"from 0 to 2 or -100 \(ignored\); got 18446744073709551516 at \[0\]"):
        lossreg.create("cross_entropy")(np.zeros((1, 3)), np.array([2**64 - 100], np.uint64))


@pytest.mark.parametrize("target", [-0.25, 1.5, NAN, INF, 2])
def test_a_target_that_is_no_probability_is_refused(target):
    with pytest.raises(InvalidInput, match=r"^bce_with_logits: expected target 0 to 1; got .* at \[0, 1\]$"):
        lossreg.create("bce_with_logits")(np.zeros((1, 2)), [[1.0, target]])
    with pytest.raises(
        InvalidInput, match=r"^cross_entropy: expected target 0 or above, summing to 1; got .* at \[1, 0\]$"
    ):
        lossreg.create("cross_entropy")(np.zeros((2, 2)), [[1.0, 0.0], [-1.0 if target > 0 else target, 0.0]])


def test_an_ignored_class_is_no_error_for_probabilities():
    # There it is one from 0 on, although probabilities have no class to ignore.
    logits, target = np.array([[1.0, 2.0]]), np.array([[0.25, 0.75]])
    assert lossreg.create("cross_entropy", ignore_index=0)(logits, target) == lossreg.create("cross_entropy")(
        logits, target
    )


# Mistakes are found when they are made: there, an unknown reduction is found at the first call.


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("avg", ""),
        ("Mean", "; did you mean 'mean'?"),
        ("batch_mean", "; did you mean 'batchmean'?"),
        (None, "; did you mean 'none'?"),
    ],
)
def test_an_unknown_reduction_is_refused_at_once(given, hint):
    with pytest.raises(InvalidParameter) as caught:
        lossreg.create("mse", reduction=given)
    message = f"mse: expected a reduction of batchmean, mean, none, sum, tilted, top_k, trimmed, got {given!r}{hint}"
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("huber", {"delta": 0}),
        ("huber", {"delta": -1.0}),
        ("huber", {"delta": NAN}),
        ("huber", {"delta": "1"}),
        ("smooth_l1", {"beta": -0.5}),
        ("cross_entropy", {"label_smoothing": 1.5}),
        ("cross_entropy", {"label_smoothing": -0.1}),
        ("cross_entropy", {"weight": [1.0, INF]}),
        ("cross_entropy", {"ignore_index": 1.5}),
        ("bce_with_logits", {"pos_weight": [[1.0], [NAN]]}),
        ("kl_div", {"log_target": 1}),
        ("mse", {"delta": 1.0}),
        ("huber", {"detla": 1.0}),
    ],
)
def test_a_bad_parameter_is_refused_at_once(name, parameters):
    with pytest.raises(InvalidParameter, match=f"^{name}"):
        lossreg.create(name, **parameters)


# Sums that overflow: there the mean is inf.


@pytest.mark.parametrize(("kind", "size"), [("float16", 6e4), ("float32", 3e38), ("float64", 1.5e308)])
@pytest.mark.parametrize("reduction", ["mean", "batchmean"])
def test_a_mean_is_finite_where_its_sum_overflows(kind, size, reduction):
    prediction = np.full(5000, size, kind)
    value, grad = lossreg.create("l1", reduction=reduction).value_and_grad(prediction, np.zeros(5000, kind))
    assert value == pytest.approx(float(prediction[0]), rel=2 * float(np.finfo(kind).eps))
    assert value.dtype == kind
    np.testing.assert_array_equal(grad, np.full(5000, 1 / 5000, kind))


def test_a_mean_with_weights_is_finite_where_its_sum_overflows():
    prediction = np.full(4, 1e308)
    criterion = lossreg.create("l1")
    assert criterion(prediction, np.zeros(4), sample_weight=[1, 1, 1, 1]) == 1e308
    assert criterion(prediction, np.zeros(4), where=[True, True, True, False]) == pytest.approx(1e308)


@pytest.mark.parametrize("kind", FLOATS)
def test_sums_are_exact_where_adding_up_in_the_arrays_type_is_not(kind):
    ones = np.ones(1 << 25, kind)  # one by one, float32 stops at 2^24
    assert lossreg.create("l1", reduction="sum")(ones, np.zeros_like(ones)) == 1 << 25


def test_float16_cross_entropy_over_70_000_classes_is_finite():
    value, grad = lossreg.create("cross_entropy").value_and_grad(np.zeros((2, 70_000), np.float16), [0, 69_999])
    assert value == np.float16(11.1563)
    assert value.dtype == grad.dtype == np.float16
    assert (grad[0, 0], grad[1, 69_999]) == (-0.5, -0.5)


def test_infinite_errors_keep_their_value():
    for name in ("mse", "l1", "huber", "smooth_l1"):
        value, grad = lossreg.create(name).value_and_grad([INF], [0.0])
        assert value == INF
        assert grad[0] == (INF if name == "mse" else 1)


def test_a_huge_error_does_not_overflow_in_huber():
    value, grad = lossreg.create("huber").value_and_grad([1e200], [0.0])
    assert (value, grad[0]) == (1e200, 1)
    value, grad = lossreg.create("smooth_l1", beta=1e200).value_and_grad([1e199], [0.0])
    assert (value, grad[0]) == (pytest.approx(5e197), pytest.approx(0.1))


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_nan_is_not_hidden_where_it_counts(name):
    value, grad = lossreg.create(name).value_and_grad([NAN, 0.5], [0.5, 0.5])
    assert math.isnan(value)
    assert name == "kl_div" or math.isnan(grad[0])
    assert not math.isnan(grad[1])


# The losses of this kind that came later.


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize(
    ("prediction", "value", "slope"), [(-1000, 1000, -1), (1000, 0, 0), (-INF, INF, -1), (INF, 0, 0)]
)
def test_a_soft_margin_does_not_overflow(prediction, value, slope, kind):
    # There e^1000 is inf, and the gradient nan.
    for side in (1, -1):
        ours, grad = lossreg.create("soft_margin").value_and_grad(np.array([side * prediction], kind), [side])
        assert (ours, grad[0]) == (value, side * slope)


@pytest.mark.parametrize("name", ["hinge_embedding", "margin_ranking", "soft_margin"])
@pytest.mark.parametrize("target", [0, 2, 0.5, NAN])
def test_a_side_is_one_or_minus_one(name, target):
    # There any number goes through the formula; in hinge_embedding as if both sides were true.
    inputs = [np.ones(2)] * (2 if name == "margin_ranking" else 1)
    with pytest.raises(InvalidInput, match=rf"^{name}: expected target 1 or -1; got .* at \[1\]$"):
        lossreg.create(name)(*inputs, [1.0, target])


@pytest.mark.parametrize("kind", FLOATS)
def test_class_weight_zero_against_a_log_probability_of_minus_infinity_is_zero(kind):
    criterion = lossreg.create("nll", weight=[0.0, 1.0], reduction="sum")
    value, grad = criterion.value_and_grad(np.array([[-INF, -0.5], [-0.5, -0.25]], kind), [0, 1])
    assert value == 0.25
    np.testing.assert_array_equal(grad, [[0, 0], [0, -1]])


def test_a_mean_over_ignored_labels_is_zero_in_nll_too():
    value, grad = lossreg.create("nll").value_and_grad([[NAN, -1.0]], [-100])
    assert value == 0
    np.testing.assert_array_equal(grad, [[0, 0]])


@pytest.mark.slow  # 4 s of processor time
@pytest.mark.parametrize("kind", FLOATS)
def test_the_slope_of_a_target_is_bounded_as_the_loss_is(kind):
    # There it is inf in bce, though the logarithm of its loss is bounded, and nan at a target of 0 in the others.
    prediction = np.array([0, 0, 1, 1], kind)
    grad = lossreg.create("bce", reduction="sum").grad(prediction, np.array([0, 1, 0, 1], kind), wrt=("target",))
    np.testing.assert_array_equal(grad, [100, 100, -100, -100])
    grad = lossreg.create("poisson_nll", full=True).grad(np.array([1], kind), np.array([0], kind), wrt=("target",))
    np.testing.assert_array_equal(grad, [-1])
    grad = lossreg.create("kl_div").grad(np.array([-1], kind), np.array([0], kind), wrt=("target",))
    np.testing.assert_array_equal(grad, [-INF])


@pytest.mark.slow  # 3 s of processor time
def test_distances_do_not_overflow():
    # There the squares do, and inf - inf is nan.
    value, (anchor, _, _) = lossreg.create("triplet_margin").value_and_grad([0.0, 0.0], [1e200, 0.0], [0.0, 1e200])
    assert value == 1
    np.testing.assert_array_equal(anchor, [-1, 1])


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        ("bce", 1.5, "expected target 0 to 1; got 1.5 at [0, 1]"),
        ("multilabel_soft_margin", -0.5, "expected target 0 to 1; got -0.5 at [0, 1]"),
        ("poisson_nll", -1.0, "expected target 0 or above; got -1.0 at [0, 1]"),
    ],
)
def test_a_target_out_of_range_is_refused_with_its_place(name, target, message):
    with pytest.raises(InvalidInput) as caught:
        lossreg.create(name)(np.full((1, 2), 0.5), [[1.0, target]])
    assert str(caught.value) == f"{name}: {message}"


@pytest.mark.parametrize("labels", [[3, 0], [-1, 0], [-100, 0]])
def test_a_margin_has_no_label_to_ignore(labels):
    with pytest.raises(InvalidInput, match=r"^multi_margin: expected label a class from 0 to 2; got .* at \[0\]$"):
        lossreg.create("multi_margin")(np.zeros((2, 3)), labels)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int32", "int64", ">i2"])
def test_labels_of_margins_and_log_probabilities_are_of_any_integer_type(kind):
    x = np.array([[1.0, 2.0, 3.0], [0.0, 1.0, 0.0]])
    for name, labels in (("nll", [2, 1]), ("multi_margin", [2, 1]), ("multilabel_margin", [[2, 1, 0], [1, 0, 2]])):
        assert lossreg.create(name)(x, np.array(labels, kind)) == lossreg.create(name)(x, labels)
