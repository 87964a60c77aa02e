"""Weights of any size, and one rule for weights that add up to 0 or less."""

import numpy as np
import pytest

import lossreg
from lossreg.errors import InvalidInput, InvalidParameter
from lossreg.testing.cases import example

# Weights are only compared with one another by a mean, so that their size does not matter.


@pytest.mark.parametrize("size", [1e-300, 1e-50, 1e-39, 1.0, 1e38, 1e300])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_a_mean_with_sample_weights_of_any_size(kind, size):
    prediction = np.array([1, 3], kind)
    criterion = lossreg.create("mse")
    value, grad = criterion.value_and_grad(prediction, 0 * prediction, sample_weight=[size, size])
    tolerance = 2e-15 if kind == "f8" or size == 1 else 0  # float32 is computed in float64 here, and rounded once
    np.testing.assert_allclose([value, *grad], [5, 1, 3], rtol=tolerance)
    value, grad = criterion.value_and_grad(prediction, 0 * prediction, sample_weight=[size, 3 * size])
    np.testing.assert_allclose([value, *grad], [7, 0.5, 4.5], rtol=tolerance)


@pytest.mark.losses
@pytest.mark.parametrize("size", [1e-300, 1e-50, 1e-39, 1e38, 1e300])
@pytest.mark.parametrize("name", ["n_pairs", "circle", "siglip", "list_net", "lovasz_hinge"])
def test_coupled_samples_with_weights_of_any_size(name, size):
    arrays, _ = example(lossreg.get(name), 0, 6)
    arrays = [x if x.dtype.kind in "iu" else x.astype("f4") for x in arrays]
    shape = arrays[0].shape if name == "lovasz_hinge" else arrays[0].shape[:1]
    criterion = lossreg.create(name)
    expected, expected_grad = criterion.value_and_grad(*arrays, sample_weight=np.ones(shape))
    value, grad = criterion.value_and_grad(*arrays, sample_weight=np.full(shape, size))
    first, expected_first = (x[0] if isinstance(x, tuple) else x for x in (grad, expected_grad))
    np.testing.assert_allclose(value, expected, rtol=4e-7)
    np.testing.assert_allclose(first, expected_first, rtol=1e-5, atol=1e-6 * abs(expected_first).max())


@pytest.mark.parametrize("size", [1e-300, 1e-39, 1e38, 1e300])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_a_mean_with_class_weights_of_any_size(kind, size):
    x, labels = np.log([[0.25, 0.75], [0.5, 0.5]]).astype(kind), np.array([0, 1])
    for name in ("cross_entropy", "nll"):
        expected = lossreg.create(name, weight=[1.0, 3.0]).value_and_grad(x, labels)
        found = lossreg.create(name, weight=[size, 3 * size]).value_and_grad(x, labels)
        np.testing.assert_allclose(found[0], expected[0], rtol=4e-7 if kind == "f4" else 1e-15)
        np.testing.assert_allclose(found[1], expected[1], rtol=4e-7 if kind == "f4" else 1e-15)


@pytest.mark.parametrize("size", [1e-300, 1e-39, 1e38, 1e300])
def test_a_mean_with_a_weight_of_any_size(size):
    x = np.array([1, 3], "f4")
    value, grad = lossreg.create("mse", weight=size).value_and_grad(x, 0 * x)
    assert (value, grad.tolist()) == (5, [1, 3])


def test_weights_do_not_overflow_a_mean():
    x = np.full(3, 3e38, "f4")
    assert lossreg.create("l1")(x, np.zeros(3, "f4"), sample_weight=[2, 2, 2]) == np.float32(3e38)


def test_weights_that_all_are_0_count_nothing():
    x = np.array([1, 3], "f4")
    for criterion, options in (
        (lossreg.create("mse"), {"sample_weight": [0, 0]}),
        (lossreg.create("mse", weight=np.zeros(2)), {}),
    ):
        value, grad = criterion.value_and_grad(x, 0 * x, **options)
        assert (value, grad.tolist()) == (0, [0, 0])


@pytest.mark.parametrize("weights", [[1, -1], [1, -2], [1e-300, -1e-300]])
def test_weights_that_add_up_to_0_by_their_signs_are_refused(weights):
    x, labels = np.array([[1, 3], [2, 1]], "f4"), np.array([0, 1])
    with pytest.raises(InvalidInput, match="with a sum above 0"):
        lossreg.create("mse")(x[0], 0 * x[0], sample_weight=weights)
    if sum(weights) == 0:
        with pytest.raises(InvalidInput, match="with a sum above 0"):
            lossreg.create("mse", weight=weights)(x[0], 0 * x[0])
        with pytest.raises(InvalidInput, match="with a sum above 0"):
            lossreg.create("cross_entropy", weight=weights)(x, labels)


# What is refused changes nothing, and arrays to fill are seen where they overlap others.


@pytest.mark.parametrize("name", ["cross_entropy", "nll"])
@pytest.mark.parametrize("size", [3, 70_000])
def test_a_label_that_is_refused_leaves_the_input_as_it_is(name, size):
    x = np.random.default_rng(1).normal(size=(size, 3)).astype("f4")
    before, labels = x.copy(), np.zeros(size, int)
    labels[-1] = 3
    with pytest.raises(InvalidInput):
        lossreg.create(name).value_and_grad(x, labels, out=x)
    assert (x == before).all()


@pytest.mark.parametrize("size", [4, 300_000])
@pytest.mark.parametrize("what", ["sample_weight", "where", "target", "prediction"])
def test_an_array_to_fill_may_share_memory_with_what_is_read(what, size):
    rng = np.random.default_rng(2)
    memory = rng.random(size + 1)
    out, read = memory[1:], memory[:-1]
    if what == "where":
        read = out.view(bool)[: size * 8 : 8]
        read[...] = rng.random(size) < 0.5
    arguments = {"prediction": rng.random(size), "target": rng.random(size), what: read}
    expected = lossreg.create("mse").value_and_grad(**{name: x.copy() for name, x in arguments.items()})
    value, grad = lossreg.create("mse").value_and_grad(**arguments, out=out)
    assert grad is out
    np.testing.assert_allclose(value, expected[0], rtol=1e-15)
    np.testing.assert_array_equal(grad, expected[1])


def test_arrays_to_fill_that_overlap_are_refused():
    x, memory = np.ones(4), np.zeros(5)
    criterion = lossreg.create("mse")
    for out in ((memory[1:], memory[1:]), (memory[1:], memory[:-1])):
        with pytest.raises(InvalidInput, match="share no memory"):
            criterion.value_and_grad(x, x, wrt=("prediction", "target"), out=out)


def test_an_empty_array_of_weights_fits_an_empty_batch():
    empty = np.zeros((0, 3))
    assert lossreg.create("mse", weight=empty)(empty, empty) == 0
    with pytest.raises(InvalidInput, match=r"broadcasts to \(2, 3\); got \(0, 3\)"):
        lossreg.create("mse", weight=empty)(np.zeros((2, 3)), np.zeros((2, 3)))


def test_huber_without_a_limit_is_half_of_mse_at_inf_too():
    value, grad = lossreg.create("huber", delta=np.inf, reduction="none").value_and_grad([np.inf, 3.0], [0.0, 0.0])
    assert (value.tolist(), grad.tolist()) == ([np.inf, 4.5], [np.inf, 3.0])


# Labels to ignore


def grads(found):
    return found[1] if isinstance(found[1], tuple) else (found[1],)


@pytest.mark.parametrize("kind", ["i8", "u1", "u8"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", ["cross_entropy", "linear_cross_entropy"])
def test_several_labels_may_be_ignored(name, reduction, kind):
    rng = np.random.default_rng(4)
    first = (rng.normal(size=(50, 4)),)
    first += (rng.normal(size=(6, 4)),) if name == "linear_cross_entropy" else ()
    labels = rng.integers(0, 4, 50).astype(kind)
    kept = (labels != 1) & (labels != 2)
    criterion, plain = (
        lossreg.create(name, reduction=reduction, **given) for given in ({"ignore_index": [2, -100, 1]}, {})
    )
    for mask in (None, rng.random(50) < 0.5):
        both = kept if mask is None else kept & mask
        found = criterion.value_and_grad(*first, labels, where=mask)
        expected = plain.value_and_grad(*first, labels, where=both)
        np.testing.assert_array_equal(found[0], expected[0])
        for one, other in zip(grads(found), grads(expected), strict=True):
            np.testing.assert_array_equal(one, other)
        assert criterion.denominator(*first, labels, where=mask) == plain.denominator(*first, labels, where=both)


def test_a_label_that_is_not_among_those_to_ignore_is_refused():
    with pytest.raises(InvalidInput, match=r"from 0 to 3 or 2, -7 \(ignored\); got -3 at \[1\]"):
        lossreg.create("nll", ignore_index=[2, -7])(np.zeros((2, 4)), [-7, -3])
    with pytest.raises(InvalidParameter, match=r"an integer, or a list of integers, got \[\]"):
        lossreg.create("nll", ignore_index=[])


# What the fuzzer of criteria has found


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("reduction", ["none", "sum"])
def test_weights_far_apart_keep_the_small_ones_where_nothing_divides_by_them(kind, reduction):
    x, weights = np.array([2, 3], kind), np.array([1e-4, 1e250])
    value, grad = lossreg.create("l1", reduction=reduction).value_and_grad(x, 0 * x, sample_weight=weights)
    with np.errstate(over="ignore"):
        np.testing.assert_array_equal(grad, weights.astype(kind))
        expected = (x.astype(float) * weights).astype(kind)
    np.testing.assert_array_equal(value, expected if reduction == "none" else expected[1])


def test_weights_beyond_float32_go_with_a_denominator():
    x = np.array([0, 2], "f4")
    criterion = lossreg.create("mse")
    value, grad = criterion.value_and_grad(x, 0 * x, sample_weight=np.array([1e230, 1e229]), denominator=1e150)
    assert (value, grad.tolist()) == (np.inf, [0, np.inf])
    value, grad = criterion.value_and_grad(x, 0 * x, sample_weight=np.array([1e230, 1e229]), denominator=1e229)
    np.testing.assert_allclose([value, *grad], [4, 0, 4], rtol=1e-6)


def test_a_single_element_may_have_a_weight_of_any_size():
    for size in (1e-300, 1e300):
        assert lossreg.create("mse")(np.float32(3), np.float32(1), sample_weight=size) == 4
        assert lossreg.create("cross_entropy")(np.zeros(2, "f4"), np.array(1), sample_weight=size) == np.float32(
            np.log(2)
        )


def test_a_batch_of_images_may_be_empty():
    value, grad = lossreg.create("cross_entropy").value_and_grad(np.zeros((0, 5, 3)), np.zeros((0, 3), int))
    assert (value, grad.shape) == (0, (0, 5, 3))


@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_a_nan_makes_the_mean_nan_and_an_overflow_does_not(kind):
    x = np.ones(5, kind)
    x[2] = np.nan
    assert np.isnan(lossreg.create("l1")(x, 0 * x))
    assert lossreg.create("l1")(x, 0 * x, where=~np.isnan(x)) == 1
    most = np.full(4, np.finfo(kind).max)
    assert lossreg.create("l1")(most, 0 * most) == most[0]
    assert lossreg.create("poisson_nll", log_input=False)(most, np.zeros(4, kind)) == most[0]
