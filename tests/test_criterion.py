"""Criterion and call: the arrays that a loss takes, what it makes of them, and every refusal."""

import copy
import json
import math
import pickle
import re
import threading
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import lossreg
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType

RANDOM = np.random.default_rng(7)
REDUCTIONS = ("none", "sum", "mean", "batchmean")


def close(ours, theirs):
    """Assert that sums added up in different orders agree, and all else exactly."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    np.testing.assert_allclose(ours, theirs, rtol=0 if ours.shape else 4 * float(np.finfo(ours.dtype).eps), atol=0)


def both(criterion, *inputs, **options):
    """Value and gradient, after asserting that either alone is the same."""
    value, grads = criterion.value_and_grad(*inputs, **options)
    close(criterion(*inputs, **options), value)
    np.testing.assert_array_equal(criterion.grad(*inputs, **options), grads)
    return value, grads


# What comes out


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_type_that_goes_in_comes_out(kind, reduction):
    prediction, target = RANDOM.normal(size=(2, 5, 3)).astype(kind)
    value, grad = both(lossreg.create("huber", reduction=reduction), prediction, target)
    assert isinstance(value, np.ndarray if reduction == "none" else np.generic)
    assert (value.dtype, grad.dtype) == (kind, kind)
    assert (value.shape, grad.shape) == ((5, 3) if reduction == "none" else (), (5, 3))


@pytest.mark.parametrize("given", [[1, 2], (1.5, 2), np.array([1, 2], np.int8), np.array([True, False])])
def test_lists_and_integers_count_as_float64(given):
    value, grad = both(lossreg.create("mse"), given, [0, 0])
    assert value.dtype == grad.dtype == np.float64
    assert value == np.mean(np.square(np.asarray(given, float)))


@pytest.mark.slow  # 3 s of processor time
def test_the_inputs_with_a_gradient_decide_the_type():
    prediction = np.array([0.1, 0.2], np.float32)
    value, grad = both(lossreg.create("mse"), prediction, np.array([0.3, 0.4]))
    assert value.dtype == grad.dtype == np.float32
    first, second = RANDOM.normal(size=(2, 3)), RANDOM.normal(size=(2, 3)).astype(np.float32)
    value, (grad1, grad2) = both(lossreg.create("cosine_embedding"), first, second, [1, -1])
    assert (value.dtype, grad1.dtype, grad2.dtype) == (np.float64, np.float64, np.float32)


@pytest.mark.parametrize("kind", [">f2", ">f4", ">f8"])
def test_another_byte_order_is_a_matter_of_storage(kind):
    prediction, target = RANDOM.normal(size=(2, 5)).astype(kind)
    native = prediction.astype(prediction.dtype.newbyteorder("="))
    expected = both(lossreg.create("mse"), native, target)
    value, grad = both(lossreg.create("mse"), prediction, target)
    close(value, expected[0])
    assert grad.dtype.isnative
    np.testing.assert_array_equal(grad, expected[1])


def test_float16_is_computed_in_float32():
    prediction = np.array([300.0, 1e-3], np.float16)  # the square of 300 does not fit
    value, grad = both(lossreg.create("huber", delta=1000.0, reduction="none"), prediction, np.zeros(2, np.float16))
    assert value[0] == np.float16(45000)
    assert grad[0] == 300
    assert value[1] == np.float16(0.5 * float(prediction[1]) ** 2)


# Shapes and layouts


@pytest.mark.parametrize("shape", [(), (1,), (0,), (0, 3), (3, 0), (2, 3, 4), (1, 1, 1, 1, 1)])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_any_shape_will_do_for_numbers(shape, reduction):
    prediction, target = RANDOM.normal(size=(2, *shape))
    value, grad = both(lossreg.create("mse", reduction=reduction), prediction, target)
    squares = (prediction - target) ** 2
    batch = shape[0] if shape else 1
    divisor = {"none": 1, "sum": 1, "mean": squares.size, "batchmean": batch if squares.size else 0}[reduction]
    np.testing.assert_allclose(value, squares if reduction == "none" else squares.sum() / divisor if divisor else 0)
    np.testing.assert_allclose(grad, 2 * (prediction - target) / max(divisor, 1))
    assert grad.shape == shape


@pytest.mark.parametrize("shape", [(3,), (1,), (2, 3), (0, 3), (2, 3, 4), (2, 3, 4, 5), (2, 3, 0)])
@pytest.mark.parametrize("kind", [pytest.param("float16", marks=pytest.mark.slow), "float32", "float64"])
def test_the_class_axis_is_the_second_or_the_only_one(shape, kind):
    axis = min(1, len(shape) - 1)
    logits = RANDOM.normal(size=shape).astype(kind)
    rest = shape[:axis] + shape[axis + 1 :]
    labels = RANDOM.integers(0, shape[axis], rest)
    criterion = lossreg.create("cross_entropy", reduction="none")
    value, grad = both(criterion, logits, labels)
    rows = np.moveaxis(logits, axis, -1).reshape(-1, shape[axis])
    expected, expected_grad = both(criterion, np.ascontiguousarray(rows), labels.reshape(-1))
    np.testing.assert_array_equal(value, expected.reshape(rest))
    np.testing.assert_array_equal(np.moveaxis(grad, axis, -1).reshape(rows.shape), expected_grad)


@pytest.mark.slow  # 13 s of processor time
@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_rows_across_planes_are_those_side_by_side_in_any_number(kind, reduction, monkeypatch):
    shape = (3, 21, 50, 41)  # neither blocks nor slabs nor threads divide it
    logits = RANDOM.normal(size=shape).astype(kind)
    labels = RANDOM.integers(0, 21, (3, 50, 41))
    labels[RANDOM.random(labels.shape) < 0.1] = -100
    shares = RANDOM.random(shape).astype(kind)
    given = {"sample_weight": RANDOM.random(labels.shape), "where": RANDOM.random(labels.shape) < 0.9}
    criterion = lossreg.create("cross_entropy", reduction=reduction, weight=RANDOM.random(21))
    for target in (labels, shares / shares.sum(axis=1, keepdims=True)):
        rows = [np.ascontiguousarray(np.moveaxis(x, 1, -1)) if x.ndim > 3 else x for x in (logits, target)]
        flat = [x.reshape(-1, 21) if x.ndim > 3 else x.ravel() for x in rows]
        expected, expected_grad = criterion.value_and_grad(*flat, **{name: x.ravel() for name, x in given.items()})
        monkeypatch.setattr("lossreg.kernels.drivers.threads.WORK", 4096)
        for threads in (1, 2):
            monkeypatch.setattr("lossreg.kernels.drivers.threads.get_num_threads", lambda threads=threads: threads)
            value, grad = criterion.value_and_grad(logits, target, **given)
            close(value, expected.reshape(value.shape))
            np.testing.assert_array_equal(np.moveaxis(grad, 1, -1).reshape(-1, 21), expected_grad)
            over = logits.copy()
            assert criterion.value_and_grad(over, target, **given, out=over)[1] is over
            np.testing.assert_array_equal(over, grad)


def layouts(x):
    """The same numbers, laid out otherwise in memory."""
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    packed = np.zeros(x.shape, [("pad", "u1"), ("x", x.dtype)])  # not aligned
    packed["x"] = x
    locked = x.copy()
    locked.flags.writeable = False
    return {
        "strided": wide[..., ::2],
        "reversed": np.ascontiguousarray(x[::-1])[::-1],
        "column-major": np.asfortranarray(x),
        "unaligned": packed["x"],
        "read-only": locked,
        "a view of bytes": np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
    }


@pytest.mark.slow  # 9 s of processor time
@pytest.mark.parametrize("layout", layouts(np.zeros((2, 2))))
@pytest.mark.parametrize("name", ["mse", "bce_with_logits", "cross_entropy", "cosine_embedding"])
def test_the_layout_in_memory_does_not_matter(name, layout):
    first, second = RANDOM.random(size=(2, 500, 160)).astype(np.float32)
    inputs = {"cross_entropy": [first, RANDOM.integers(0, 160, 500)]}.get(name, [first, second])
    inputs += [np.ones(500)] if name == "cosine_embedding" else []
    for reduction in ("none", "mean"):
        criterion = lossreg.create(name, reduction=reduction)
        expected = both(criterion, *inputs)
        laid = [layouts(x)[layout] if x.ndim > 1 else x for x in inputs]
        value, grads = both(criterion, *laid)
        close(value, expected[0])
        np.testing.assert_array_equal(grads, expected[1])


def test_read_only_inputs_stay_as_they_are():
    prediction = np.arange(4.0)
    prediction.flags.writeable = False
    kept = prediction.tobytes()
    lossreg.create("mse").value_and_grad(prediction, np.ones(4))
    assert prediction.tobytes() == kept
    assert not prediction.flags.writeable


@pytest.mark.parametrize("logits", [np.empty((3, 0)), np.empty(0)])
def test_rows_need_at_least_one_class(logits):
    with pytest.raises(InvalidInput, match=r"^cross_entropy: expected rows of at least one number as logits, got "):
        lossreg.create("cross_entropy")(logits, np.zeros(logits.shape[:1], int))


# Types that are no numbers


@pytest.mark.parametrize(
    "given",
    [
        np.zeros(2, np.complex128),
        np.array(["1", "2"]),
        np.array([None, 1.0]),
        np.zeros(2, "M8[s]"),
        np.zeros(2, "m8[s]"),
        np.zeros(2, [("x", "f8")]),
        "12",
        None,
        *([np.zeros(2, np.longdouble)] if np.dtype(np.longdouble).itemsize > 8 else []),
    ],
    ids=lambda given: str(getattr(given, "dtype", given)),
)
def test_what_is_no_real_number_is_refused(given):
    for inputs, name in (([given, [0.0, 0.0]], "prediction"), ([[0.0, 0.0], given], "target")):
        with pytest.raises(InvalidType) as caught:
            lossreg.create("mse")(*inputs)
        message = (
            f"mse: expected {name} as numbers of type bfloat16, float16, float32, float64, integer or boolean; got "
        )
        assert str(caught.value) == message + (str(given.dtype) if isinstance(given, np.ndarray) else repr(given))


def test_rows_of_several_lengths_are_refused():
    with pytest.raises(InvalidInput, match=r"^mse: expected target as rows of one length; got \[\[1, 2\], \[3\]\]$"):
        lossreg.create("mse")(np.zeros((2, 2)), [[1, 2], [3]])


def test_a_masked_array_is_refused_before_its_mask_is_lost():
    masked = np.ma.masked_array([1.0, 2.0], [True, False])
    for inputs, name in (([masked, [0.0, 0.0]], "prediction"), ([[0.0, 0.0], masked], "target")):
        with pytest.raises(
            InvalidType, match=rf"^mse: expected {name} as an ordinary array; got a masked array: .* where=~mask"
        ):
            lossreg.create("mse")(*inputs)


@pytest.mark.parametrize("inputs", [(), ([1.0],), ([1.0], [1.0], [1.0])])
def test_the_number_of_arrays_has_to_be_right(inputs):
    with pytest.raises(InvalidType, match=rf"^mse takes 2 arrays \(prediction, target\), got {len(inputs)}$"):
        lossreg.create("mse")(*inputs)


# Weights and masks


@st.composite
def weighted(draw):
    shape = draw(array_shapes(min_dims=1, max_dims=3, max_side=4))
    own = shape[: draw(st.integers(1, len(shape)))]
    numbers = st.floats(-10, 10)
    inputs = [draw(arrays(np.float64, shape, elements=numbers)) for _ in range(2)]
    weight = draw(st.none() | arrays(np.float64, own, elements=st.integers(0, 4).map(float)))
    where = draw(st.none() | arrays(np.bool_, own))
    return inputs, weight, where


@pytest.mark.slow  # 5 s of processor time
@settings(deadline=None, max_examples=60)
@given(weighted())
def test_weights_and_masks_count_as_often_as_they_say(case):
    (prediction, target), weight, where = case
    counts = np.ones(prediction.shape)
    for given_here in (weight, where):
        if given_here is not None:
            counts = counts * given_here.reshape(given_here.shape + (1,) * (prediction.ndim - given_here.ndim))
    squares, slopes = counts * (prediction - target) ** 2, counts * 2 * (prediction - target)
    batch = counts.sum() * len(prediction) / prediction.size
    for reduction, divisor in {"none": 1, "sum": 1, "mean": counts.sum(), "batchmean": batch}.items():
        criterion = lossreg.create("mse", reduction=reduction)
        value, grad = both(criterion, prediction, target, sample_weight=weight, where=where)
        share = 1 / divisor if divisor else 0
        np.testing.assert_allclose(value, squares if reduction == "none" else squares.sum() * share, rtol=1e-12)
        np.testing.assert_allclose(grad, slopes * share, rtol=1e-12)
        assert criterion.denominator(prediction, target, sample_weight=weight, where=where) == pytest.approx(divisor)


@pytest.mark.slow
def test_weights_of_rows_go_with_weights_of_classes_and_ignored_labels():
    logits, labels = RANDOM.normal(size=(4, 3)), np.array([0, 1, -100, 2])
    sample_weight, class_weight = np.array([1.0, 2.0, 5.0, 0.5]), np.array([0.5, 2.0, 4.0])
    values = lossreg.create("cross_entropy", weight=class_weight, reduction="none")(logits, labels)
    criterion = lossreg.create("cross_entropy", weight=class_weight)
    divisor = 1 * 0.5 + 2 * 2 + 0.5 * 4
    assert criterion.denominator(logits, labels, sample_weight=sample_weight) == divisor
    value, _ = both(criterion, logits, labels, sample_weight=sample_weight)
    assert value == pytest.approx((sample_weight * values).sum() / divisor, rel=1e-14)
    value, _ = both(criterion, logits, labels, where=[True, False, True, True])
    assert value == pytest.approx((values[0] + values[3]) / 4.5, rel=1e-14)


def test_one_class_weight_for_all_changes_no_mean():
    logits, labels = RANDOM.normal(size=(4, 3)), np.array([0, 1, 1, 2])
    plain = both(lossreg.create("cross_entropy"), logits, labels)
    for weight in (0.25, [0.25, 0.25, 0.25]):
        value, grad = both(lossreg.create("cross_entropy", weight=weight), logits, labels)
        assert value == pytest.approx(plain[0], rel=1e-14)
        np.testing.assert_allclose(grad, plain[1], rtol=1e-13)


@pytest.mark.parametrize("what", ["sample_weight", "where"])
@pytest.mark.parametrize("shape", [(3,), (2, 4), (2, 3, 1), (3, 2), ()])
def test_a_weight_or_mask_of_another_shape_is_refused(what, shape):
    with pytest.raises(InvalidInput) as caught:
        lossreg.create("mse")(np.zeros((2, 3)), np.zeros((2, 3)), **{what: np.ones(shape, bool)})
    message = f"mse: expected {what} of the loss's own shape (2, 3) or of its first axes; got {shape}"
    assert str(caught.value) == message


def test_a_mask_is_of_booleans_and_a_weight_of_numbers():
    with pytest.raises(InvalidType, match=r"^mse: expected a mask of booleans as where, got int64$"):
        lossreg.create("mse")([1.0], [1.0], where=[1])
    with pytest.raises(InvalidType, match=r"^mse: expected sample_weight as numbers"):
        lossreg.create("mse")([1.0], [1.0], sample_weight=["1"])


@pytest.mark.parametrize("name", ["cross_entropy", "linear_cross_entropy"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_refused_unless_it_is_masked(name, reduction, wrong):
    rows = [RANDOM.normal(size=(3, 2)), *([np.eye(2)] if name == "linear_cross_entropy" else []), [0, 1, 1]]
    criterion, weights = lossreg.create(name, reduction=reduction), np.array([1.0, wrong, 2.0])
    with pytest.raises(InvalidInput, match=rf"^{name}: expected a finite sample_weight; got {wrong} at \[1\]$"):
        criterion.value_and_grad(*rows, sample_weight=weights)
    mask = np.array([True, False, True])
    value, _ = criterion.value_and_grad(*rows, sample_weight=weights, where=mask)
    np.testing.assert_array_equal(value, criterion(*rows, sample_weight=[1.0, 0.0, 2.0]))


def test_weights_below_0_are_for_sums_and_denominators():
    given = [3.0, 2.0], [1.0, 1.0]
    assert lossreg.create("mse", reduction="sum")(*given, sample_weight=[-1, 1]) == -3
    assert lossreg.create("mse")(*given, sample_weight=[-1, 1], denominator=2) == -1.5
    assert lossreg.create("mse")(*given, sample_weight=[-1, 3]) == -0.5
    for weights, total in (([-1, 1], 0), ([-2, 1], -1)):
        with pytest.raises(
            InvalidInput, match=rf"^mse: expected a sample_weight with a sum above 0.*; got the sum {total}$"
        ):
            lossreg.create("mse")(*given, sample_weight=weights)


@pytest.mark.parametrize("given", ["a", [1], np.ones(3), True, np.nan, np.inf, -1])
def test_a_denominator_is_a_number(given):
    message = re.escape("mse: expected a finite denominator above 0, or 0 if no element counts; got ")
    with pytest.raises(InvalidParameter, match=f"^{message}"):
        lossreg.create("mse")([1.0], [1.0], denominator=given)
    for number in (2, np.float32(2), np.array(2)):
        assert lossreg.create("mse")([2.0], [0.0], denominator=number) == 2


def test_parameters_that_are_arrays_have_to_fit():
    with pytest.raises(InvalidInput, match=r"^cross_entropy: expected weight of shape \(3,\); got \(2,\)$"):
        lossreg.create("cross_entropy", weight=[1.0, 2.0])(np.zeros((2, 3)), [0, 1])
    with pytest.raises(InvalidInput, match=r"expected pos_weight of a shape that broadcasts to \(2, 3\); got \(2,\)$"):
        lossreg.create("bce_with_logits", pos_weight=[1.0, 2.0])(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(InvalidInput, match=r"expected weight of a shape that broadcasts to \(3,\); got \(2, 3\)$"):
        lossreg.create("bce_with_logits", weight=np.ones((2, 3)))(np.zeros(3), np.zeros(3))


# Denominators


def test_parts_with_a_common_denominator_add_up_to_the_whole():
    logits, labels = RANDOM.normal(size=(9, 4)), np.array([0, 1, -100, 3, -100, -100, 2, 2, 1])
    criterion = lossreg.create("cross_entropy", weight=[1.0, 2.0, 3.0, 4.0])
    value, grad = both(criterion, logits, labels)
    parts = [slice(0, 4), slice(4, 6), slice(6, 9)]  # the second has nothing that counts
    count = sum(criterion.denominator(logits[part], labels[part]) for part in parts)
    assert count == criterion.denominator(logits, labels)
    found = [both(criterion, logits[part], labels[part], denominator=count) for part in parts]
    assert sum(part for part, _ in found) == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(np.concatenate([part for _, part in found]), grad, rtol=1e-14)


@pytest.mark.parametrize("denominator", [-1.0, math.inf, math.nan])
def test_a_denominator_is_finite_and_not_negative(denominator):
    with pytest.raises(
        InvalidParameter, match=r"^mse: expected a finite denominator above 0, or 0 if no element counts; got"
    ):
        lossreg.create("mse")([1.0], [0.0], denominator=denominator)


def test_a_denominator_of_zero_goes_with_nothing_that_counts():
    assert lossreg.create("mse")([1.0], [0.0], where=[False], denominator=0) == 0
    with pytest.raises(
        InvalidParameter,
        match=r"^mse: expected a finite denominator above 0.*; got 0, but the sum of the weights is 1$",
    ):
        lossreg.create("mse")([1.0], [0.0], denominator=0)


@pytest.mark.parametrize("reduction", ["none", "sum"])
def test_a_denominator_needs_a_reduction_that_divides(reduction):
    with pytest.raises(InvalidParameter, match="a denominator goes with reduction mean or batchmean; got reduction"):
        lossreg.create("mse", reduction=reduction)([1.0], [0.0], denominator=2)


# out=


@pytest.mark.parametrize("name", ["mse", "cross_entropy"])
def test_the_gradient_is_written_where_asked(name):
    first = RANDOM.normal(size=(300, 200)).astype(np.float32)
    inputs = [first, RANDOM.integers(0, 200, 300) if name == "cross_entropy" else first[::-1].copy()]
    expected = both(lossreg.create(name), *inputs)
    wide = np.full((300, 400), 9, np.float32)
    for out in (np.empty_like(first), wide[:, ::2], np.empty((200, 300), np.float32).T, wide[:, :200]):
        value, grad = lossreg.create(name).value_and_grad(*inputs, out=out)
        assert grad is out
        assert value == expected[0]
        np.testing.assert_array_equal(out, expected[1])
        assert lossreg.create(name).grad(*inputs, out=out) is out


def test_what_lies_beside_out_is_left_alone():
    wide = np.full(20, 9.0)
    lossreg.create("mse").grad(np.ones(10), np.zeros(10), out=wide[::2])
    np.testing.assert_array_equal(wide[1::2], np.full(10, 9.0))


@pytest.mark.parametrize("shift", [0, 1])
def test_out_may_be_the_input_or_overlap_it(shift):
    memory = RANDOM.normal(size=70_001)
    prediction, out = memory[:70_000], memory[shift : 70_000 + shift]
    target = RANDOM.normal(size=70_000)
    value, grad = lossreg.create("huber").value_and_grad(prediction.copy(), target)
    found, written = lossreg.create("huber").value_and_grad(prediction, target, out=out)
    assert found == value
    assert written is out
    np.testing.assert_array_equal(out, grad)


@pytest.mark.parametrize("shape", [(200, 3_000), (20, 30, 1_000)])
def test_a_gradient_by_row_over_its_input_takes_no_memory(shape):
    logits = RANDOM.normal(size=shape).astype(np.float32)
    labels = RANDOM.integers(0, shape[1], shape[:1] + shape[2:])
    criterion = lossreg.create("cross_entropy")
    value, grad = criterion.value_and_grad(logits, labels)
    copy = logits.copy()
    criterion.value_and_grad(copy, labels, out=copy)  # compiled by now
    tracemalloc.start()
    found, written = criterion.value_and_grad(logits, labels, out=logits)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == value
    assert written is logits
    np.testing.assert_array_equal(logits, grad)
    assert peak < logits.nbytes / 4


def test_a_sum_overflows_where_its_mean_does_not_also_with_the_gradient_over_the_input():
    log_probs = np.full((4, 3), -1e308)
    value, grad = lossreg.create("nll").value_and_grad(log_probs, [0, 1, 2, 0], out=log_probs)
    assert value == 1e308
    np.testing.assert_array_equal(grad[0], [-0.25, 0, 0])


@pytest.mark.slow
def test_two_gradients_go_to_two_arrays():
    x1, x2 = RANDOM.normal(size=(2, 4, 3))
    target = [1, -1, 1, -1]
    criterion = lossreg.create("cosine_embedding")
    _, expected = both(criterion, x1, x2, target)
    out = (np.empty((4, 3)), np.empty((4, 3)))
    _, grads = criterion.value_and_grad(x1, x2, target, out=out)
    assert grads[0] is out[0]
    assert grads[1] is out[1]
    np.testing.assert_array_equal(grads, expected)
    swapped = (x2, x1)
    criterion.grad(x1, x2, target, out=swapped)  # each over the other input
    np.testing.assert_array_equal(swapped, expected)
    with pytest.raises(
        InvalidInput, match=r"^cosine_embedding: expected a tuple of 2 arrays as out \(x1, x2\); got 1$"
    ):
        criterion.grad(x1, x2, target, out=np.empty((4, 3)))


def locked(x):
    x.flags.writeable = False
    return x


@pytest.mark.parametrize(
    "out",
    [
        np.empty(3),
        np.empty((2, 1)),
        np.empty(2, np.float32),
        np.empty(2, ">f8"),
        locked(np.empty(2)),
        [0.0, 0.0],
        "out",
    ],
    ids=lambda out: str(getattr(out, "dtype", out)),
)
def test_an_out_that_does_not_fit_is_refused(out):
    with pytest.raises(
        InvalidInput, match=r"^mse: expected out for prediction to be a writable array float64 \(2,\); got"
    ):
        lossreg.create("mse").value_and_grad([1.0, 2.0], [0.0, 0.0], out=out)


# wrt=: gradients of other inputs, the target among them


def test_a_gradient_is_of_the_inputs_named_in_the_order_named():
    x = RANDOM.normal(size=(3, 4, 5))
    inputs = [x[0], x[1], abs(x[2])]
    criterion = lossreg.create("gaussian_nll")
    value, by_default = criterion.value_and_grad(*inputs)
    every = ("prediction", "target", "variance")
    of = dict(zip(every, criterion.grad(*inputs, wrt=every), strict=True))
    assert [np.array_equal(of[name], g) for name, g in zip(("prediction", "variance"), by_default, strict=True)] == [
        True
    ] * 2
    np.testing.assert_array_equal(of["target"], -of["prediction"])
    for wrt in (("target", "prediction"), ["variance", "target", "prediction"], ("variance", "prediction")):
        found, grads = criterion.value_and_grad(*inputs, wrt=wrt)
        assert found == value
        for name, grad in zip(wrt, grads, strict=True):
            np.testing.assert_array_equal(grad, of[name])
    for name in every:
        np.testing.assert_array_equal(criterion.grad(*inputs, wrt=(name,)), of[name])


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_a_target_gets_a_gradient_of_its_own_type(kind):
    prediction, target = RANDOM.normal(size=(2, 6)).astype(np.float32)
    value, grad = lossreg.create("mse").value_and_grad(prediction, target.astype(kind), wrt=("target",))
    assert (value.dtype, grad.dtype) == (np.float32, kind)
    expected = -2 * (prediction - target.astype(kind)) / 6
    np.testing.assert_allclose(grad, expected, rtol=2 * float(np.finfo(kind).eps) + 2e-7)


def test_rows_of_a_target_get_theirs_along_the_class_axis():
    logits, target = RANDOM.normal(size=(2, 3, 4, 5))
    target = abs(target)
    criterion = lossreg.create("cross_entropy", reduction="sum")
    of_logits, of_target = criterion.grad(logits, target, wrt=("logits", "target"))
    np.testing.assert_allclose(of_logits, criterion.grad(logits, target), rtol=1e-14, atol=1e-15)
    np.testing.assert_array_equal(of_target, criterion.grad(logits, target, wrt=["target"]))
    expected = np.log(np.exp(logits).sum(1, keepdims=True)) - logits
    np.testing.assert_allclose(of_target, expected, rtol=1e-13)


def test_wrt_goes_with_out_weights_masks_and_denominators():
    prediction, target = RANDOM.normal(size=(2, 4))
    out = np.empty(4), np.empty(4)
    options = {"sample_weight": [1, 2, 0, 4], "where": [True, True, True, False], "denominator": 8.0}
    _, grads = lossreg.create("mse").value_and_grad(
        prediction, target, wrt=("target", "prediction"), out=out, **options
    )
    assert grads[0] is out[0]
    assert grads[1] is out[1]
    np.testing.assert_array_equal(out[0], -out[1])
    np.testing.assert_allclose(out[1], np.array([1, 2, 0, 0]) * 2 * (prediction - target) / 8, rtol=1e-14)
    overlapping = target.copy()
    lossreg.create("mse").grad(prediction, overlapping, wrt=("target",), out=overlapping, **options)
    np.testing.assert_array_equal(overlapping, out[0])
    with pytest.raises(InvalidInput, match=r"^mse: expected a tuple of 2 arrays as out \(target, prediction\); got 1$"):
        lossreg.create("mse").grad(prediction, target, wrt=("target", "prediction"), out=np.empty(4))


@pytest.mark.parametrize(
    ("name", "wrt", "message"),
    [
        (
            "mse",
            ("targets",),
            "mse: expected wrt to name inputs among prediction, target; got 'targets'; did you mean 'target'?",
        ),
        ("mse", ("target", "x"), "mse: expected wrt to name inputs among prediction, target; got 'x'"),
        ("mse", (1,), "mse: expected wrt to name inputs among prediction, target; got 1"),
        ("soft_margin", ("target",), "soft_margin: expected wrt to name inputs among prediction; got 'target'"),
        ("mse", "target", "mse: expected names of inputs as wrt, such as ('target',); got 'target'"),
        ("mse", (), "mse: expected names of inputs as wrt, such as ('target',); got ()"),
    ],
)
def test_what_has_no_gradient_is_refused_by_name(name, wrt, message):
    with pytest.raises(InvalidParameter) as caught:
        lossreg.create(name).grad(np.ones(2), np.ones(2), wrt=wrt)
    assert str(caught.value) == message


def test_labels_have_no_gradient():
    with pytest.raises(InvalidParameter, match="expected wrt to name inputs among logits; got 'label'"):
        lossreg.create("cross_entropy").grad(np.ones((2, 3)), [0, 1], wrt=("label",))


# Shared inputs


@pytest.mark.parametrize("smaller", [(), (4,), (4, 1), (1, 5), (1, 1)], ids=str)
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_shared_input_is_as_if_repeated_and_its_gradient_summed(smaller, kind, reduction):
    prediction, target = RANDOM.normal(size=(2, 4, 5)).astype(kind)
    variance = (0.5 + RANDOM.random(size=smaller)).astype(kind)
    criterion = lossreg.create("gaussian_nll", reduction=reduction)
    repeated = np.array(np.broadcast_to(variance.reshape(smaller + (1,) * (len(smaller) == 1)), (4, 5)))
    value, (of_prediction, of_variance) = criterion.value_and_grad(prediction, target, variance)
    expected, (slope, full) = criterion.value_and_grad(prediction, target, repeated)
    np.testing.assert_array_equal(value, expected)
    np.testing.assert_array_equal(of_prediction, slope)
    axes = {(): None, (1, 1): None, (1, 5): 0}.get(smaller, -1)
    summed = full.sum(axis=axes, dtype=np.float64).reshape(smaller)
    assert (of_variance.shape, of_variance.dtype) == (smaller, kind)
    np.testing.assert_allclose(of_variance, summed, rtol=4 * float(np.finfo(kind).eps))
    out = (np.empty((4, 5), kind), np.empty(smaller, kind))
    criterion.grad(prediction, target, variance, out=out)
    np.testing.assert_array_equal(out[1], of_variance)


@pytest.mark.parametrize("shape", [(5,), (1,), (4, 2), (4, 5, 1)])
def test_a_shared_input_of_another_shape_is_refused(shape):
    with pytest.raises(InvalidInput) as caught:
        lossreg.create("gaussian_nll")(np.zeros((4, 5)), np.zeros((4, 5)), np.ones(shape))
    message = "gaussian_nll: expected variance of shape (4, 5), as prediction has shape (4, 5)"
    assert str(caught.value) == f"{message}; got {shape}"


@pytest.mark.parametrize("shape", [(4, 1), (1, 5), (), (5,)])
def test_a_target_is_shared_along_axes_that_have_length_1_or_are_left_out(shape):
    prediction, variance, target = RANDOM.normal(size=(4, 5)), 0.5 + RANDOM.random((4, 5)), RANDOM.normal(size=shape)
    criterion = lossreg.create("gaussian_nll", reduction="sum")
    value, grad = criterion.value_and_grad(prediction, target, variance, wrt=("target",))
    repeated = np.array(np.broadcast_to(target, (4, 5)))
    expected, each = criterion.value_and_grad(prediction, repeated, variance, wrt=("target",))
    np.testing.assert_array_equal(value, expected)
    axes = tuple(at for at, size in enumerate((*[1] * (2 - len(shape)), *shape)) if size == 1)
    np.testing.assert_allclose(grad, each.sum(axes).reshape(shape), rtol=1e-14)
    with pytest.raises(InvalidInput, match=r"expected target of shape \(4, 5\), .*; got \(4,\)"):
        criterion(prediction, np.zeros(4), variance)


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)])
def test_a_number_is_a_row_of_one_and_a_label_of_shape_1_makes_a_batch_of_one_row(order):
    criterion = lossreg.create("multi_margin", reduction="none", p=2)
    value, grad = criterion.value_and_grad(np.float64(2.0), 0)
    assert (np.shape(value), grad.shape, value, grad) == ((), (), 0, 0)
    row, out = RANDOM.normal(size=5), np.empty(10)[::2]
    value, grad = criterion.value_and_grad(row[order], [3], sample_weight=[2.0], out=out)
    expected, each = criterion.value_and_grad(row[order], 3)
    assert (value.shape, grad) == ((1,), out)
    np.testing.assert_array_equal(value, [2 * expected])
    np.testing.assert_array_equal(out, 2 * each)
    with pytest.raises(InvalidInput, match=r"expected out for x to be .* float64 \(5,\); got .* \(1, 5\)"):
        criterion.grad(row, [3], out=np.empty((1, 5)))
    with pytest.raises(InvalidInput, match=r"expected label of shape \(\), as x has shape \(5,\); got \(2,\)"):
        criterion(row, [3, 3])


def test_labels_of_rows_have_weights():
    logits, target, weights = RANDOM.normal(size=(6, 4)), RANDOM.random((6, 4)), RANDOM.random((6, 4))
    value, grad = lossreg.create("multilabel_soft_margin", weight=[1, 2, 3, 4]).value_and_grad(logits, target, weights)
    each = lossreg.create("bce_with_logits", weight=weights * [1, 2, 3, 4])
    expected, slopes = each.value_and_grad(logits, target)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(grad, slopes, rtol=1e-13)


def test_a_variance_below_zero_is_refused_with_its_place():
    with pytest.raises(InvalidInput, match=r"^gaussian_nll: expected variance 0 or above; got -1.0 at \[1, 0\]$"):
        lossreg.create("gaussian_nll")(np.zeros((2, 2)), np.zeros((2, 2)), [1.0, -1.0])


# Lists of classes


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0, 1, -1], [3, -1, -1]], r"classes from 0 to 2, then -1; got 3 at \[1, 0\]"),
        ([[0, -2, -1], [0, -1, -1]], r"classes from 0 to 2, then -1; got -2 at \[0, 1\]"),
        ([[0, -1, 1], [0, 1, 2**40]], r"classes from 0 to 2, then -1; got 1099511627776 at \[1, 2\]"),
    ],
)
def test_a_class_that_is_none_is_refused_with_its_place(labels, message):
    with pytest.raises(InvalidInput, match=f"^multilabel_margin: expected labels {message}$"):
        lossreg.create("multilabel_margin").value_and_grad(np.zeros((2, 3)), np.array(labels))


def test_what_stands_behind_the_end_of_a_list_is_not_read():
    x = RANDOM.normal(size=(2, 3))
    expected = both(lossreg.create("multilabel_margin"), x, np.array([[2, -1, -1], [-1, -1, -1]]))
    found = both(lossreg.create("multilabel_margin"), x, np.array([[2, -1, 99], [-1, -7, 0]], np.int8))
    assert found[0] == expected[0]
    np.testing.assert_array_equal(found[1], expected[1])


# A criterion is a value


CRITERIA = [
    lossreg.create("mse"),
    lossreg.create("huber", delta=0.5, reduction="sum"),
    lossreg.create("huber", delta=math.inf),
    lossreg.create("kl_div", log_target=True, reduction="batchmean"),
    lossreg.create("cross_entropy", weight=[1.0, 2.5, 3.0], label_smoothing=0.1, ignore_index=-1),
    lossreg.create("bce_with_logits", pos_weight=np.array([[1.0], [2.0]])),
]


@pytest.mark.parametrize("criterion", CRITERIA, ids=repr)
def test_it_prints_pickles_and_goes_through_a_config_as_it_was(criterion):
    assert eval(repr(criterion), {"lossreg": lossreg, "inf": math.inf}) == criterion  # noqa: S307  the point of a repr
    for other in (pickle.loads(pickle.dumps(criterion)), copy.copy(criterion), copy.deepcopy(criterion)):  # noqa: S301  made the line before
        assert other == criterion
        assert hash(other) == hash(criterion)
        assert repr(other) == repr(criterion)
        assert other.loss is criterion.loss
    config = json.loads(json.dumps(criterion.config))
    assert set(config) == {"name", "reduction", *(p.name for p in criterion.loss.parameters)}
    assert lossreg.create(config.pop("name"), **config) == criterion
    assert [other for other in CRITERIA if other == criterion] == [criterion]


def test_it_prints_as_the_call_that_makes_it():
    assert repr(lossreg.create("HuberLoss")) == "lossreg.create('huber', reduction='mean')"
    assert repr(CRITERIA[4]) == (
        "lossreg.create('cross_entropy', weight=[1.0, 2.5, 3.0], ignore_index=-1, label_smoothing=0.1, "
        "reduction='mean')"
    )


def test_it_equals_a_criterion_with_the_same_repr_whatever_is_a_default():
    assert lossreg.create("huber", delta=1) == lossreg.create("huber")
    assert hash(lossreg.create("huber", delta=1)) == hash(lossreg.create("huber"))
    assert lossreg.create("huber") != lossreg.create("smooth_l1")
    assert lossreg.create("huber") != lossreg.create("huber", reduction="sum")
    assert lossreg.create("huber") != "huber"
    weights = [1.0, 2.0], [[1.0, 2.0]], [1.0, 2.5]
    assert len({lossreg.create("bce_with_logits", weight=weight) for weight in weights}) == 3


@pytest.mark.parametrize("name", ["reduction", "parameters", "loss", "delta"])
def test_it_does_not_change(name):
    criterion = lossreg.create("huber")
    with pytest.raises(AttributeError, match="a criterion is immutable"):
        setattr(criterion, name, 1)
    with pytest.raises(AttributeError, match="a criterion is immutable"):
        delattr(criterion, name)


def test_its_parameters_do_not_change_with_what_they_were_made_from():
    weight = np.array([1.0, 2.0])
    criterion = lossreg.create("cross_entropy", weight=weight)
    weight[0] = 9
    assert criterion.parameters["weight"].tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        criterion.parameters["weight"][0] = 9
    with pytest.raises(TypeError):
        criterion.parameters["label_smoothing"] = 0.5


def test_it_is_made_of_a_loss_too():
    assert lossreg.create(lossreg.get("huber"), delta=2.0) == lossreg.create("huber", delta=2.0)
    for given_here in (None, 3, lossreg.create("mse")):
        with pytest.raises(InvalidType, match=r"^expected the name of a loss, a loss, or terms of"):
            lossreg.create(given_here)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"delta": 0}, "huber: delta: expected a number above 0, got 0"),
        ({"delta": True}, "huber: delta: expected a number above 0, got True"),
        ({"delta": [1.0, 0.0]}, "huber: delta: expected a number above 0, got 0.0 at [1]"),
        ({"delta": ["x"]}, "huber: delta: expected a number above 0, got ['x']"),
        ({"detla": 1}, "huber has no parameter 'detla'; it has delta, weight; did you mean 'delta'?"),
        ({"p": 1}, "huber has no parameter 'p'; it has delta, weight"),
        ({"delta": []}, "huber: delta: expected a number above 0, got []"),
        ({"reducton": "sum"}, "huber has no parameter 'reducton'; it has delta, weight; did you mean 'reduction'?"),
    ],
)
def test_a_bad_parameter_is_named_with_what_is_allowed(parameters, message):
    with pytest.raises(InvalidParameter) as caught:
        lossreg.create("huber", **parameters)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cross_entropy", {"label_smoothing": [0.1, 0.2]}),
        ("linear_cross_entropy", {"label_smoothing": [0.1, 0.2]}),
        ("multi_margin", {"margin": [1.0, 2.0]}),
        ("triplet_margin", {"p": np.ones(3)}),
        ("adaptive_log_softmax", {"cutoffs": [2], "div_value": [2.0, 3.0]}),
    ],
)
def test_an_array_is_refused_where_a_kernel_takes_one_number(name, parameters):
    with pytest.raises(InvalidParameter, match=rf"^{name}: {[*parameters][-1]}: expected .*number.*, got"):
        lossreg.create(name, **parameters)


def test_a_parameter_may_be_an_array_for_numbers():
    prediction, target = np.array([[3.0, 3.0], [3.0, 3.0]]), np.zeros((2, 2))
    values = lossreg.create("huber", delta=[1.0, 2.0], reduction="none")(prediction, target)
    np.testing.assert_array_equal(values, [[2.5, 4.0], [2.5, 4.0]])


@pytest.mark.slow  # 6 s of processor time
@pytest.mark.parametrize("size", [20_000, 1_200_000])
def test_it_may_be_called_from_many_threads(size):
    criterion, target = lossreg.create("huber"), RANDOM.normal(size=size)
    predictions = [target * factor for factor in range(8)]
    expected = [lossreg.create("huber").value_and_grad(prediction, target) for prediction in predictions]
    found = [[] for _ in predictions]

    def call(prediction, results):
        results += [criterion.value_and_grad(prediction, target) for _ in range(20)]

    threads = [threading.Thread(target=call, args=given) for given in zip(predictions, found, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for (value, grad), results in zip(expected, found, strict=True):
        assert [value] * 20 == [each for each, _ in results]
        for _, each in results:
            np.testing.assert_array_equal(each, grad)


@pytest.mark.parametrize("kind", ["int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"])
def test_labels_of_any_type_give_the_same_result_in_repeated_calls(kind):
    logits, labels = RANDOM.normal(size=(6, 2)), np.array([0, 1, 1, 0, 1, 0])
    criterion = lossreg.create("cross_entropy")
    expected = lossreg.create("cross_entropy").value_and_grad(logits, labels)
    for _ in range(4):
        value, grad = criterion.value_and_grad(logits, labels.astype(kind))
        assert value == expected[0]
        np.testing.assert_array_equal(grad, expected[1])


def test_ways_of_many_shapes_are_forgotten_and_found_again():
    criterion = lossreg.create("mse")
    for _ in range(3):
        for size in range(1, 150):
            assert criterion(np.ones(size), np.zeros(size)) == 1
