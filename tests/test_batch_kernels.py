"""Batch kernels: their signatures, what of a batch they get, and the three losses that have one."""

import tracemalloc
from typing import Annotated

import numpy as np
import pytest
from oracles import ctc as all_paths, exact, mp

import lossreg
from lossreg.criterion.criterion import Criterion
from lossreg.errors import InvalidDefinition, InvalidInput, InvalidParameter, InvalidType
from lossreg.kernels.compiler.options import is_stock
from lossreg.plugin import Array, Axes, Length, SampleWeight, Scratch, Slopes, Symbol, Unit, each, loss, require
from lossreg.testing import check_loss

RANDOM = np.random.default_rng(7)
SEEN = []


@loss
def spread(
    points: Annotated[Array, Axes("N D")],
    centre: Annotated[Array, Axes("D")] | None,
    sample_weight: SampleWeight,
    slopes: Slopes,
    scale: float = 1.0,
) -> Array:
    """Squares of distances from a centre."""
    SEEN.append((points.shape, points.flags.c_contiguous, points.dtype, sorted(slopes)))
    apart = points - (0 if centre is None else centre)
    if "points" in slopes:
        slopes["points"][...] = 2 * apart * sample_weight[:, np.newaxis]
    if "centre" in slopes:
        slopes["centre"][...] = -2 * (apart * sample_weight[:, np.newaxis]).sum(0)
    return scale * (apart**2).sum(1) * sample_weight


def test_a_signature_with_axes_is_a_kernel_of_whole_arrays():
    form = spread.forms[0]
    assert form.by_batch
    assert not form.by_row
    assert [entry.axes for entry in form.inputs] == [("N", "D"), ("D",)]
    assert [entry.optional for entry in form.inputs] == [False, True]
    assert [parameter.name for parameter in form.parameters] == ["scale"]


def test_a_kernel_of_whole_arrays_needs_axes_a_share_and_slopes():
    with pytest.raises(InvalidDefinition, match="expected inputs, a SampleWeight and Slopes"):

        @loss
        def without(points: Annotated[Array, Axes("N D")]) -> Array: ...

    with pytest.raises(InvalidDefinition, match="input centre needs its axes"):

        @loss
        def bare(
            points: Annotated[Array, Axes("N D")],
            centre: lossreg.plugin.Real,
            sample_weight: SampleWeight,
            slopes: Slopes,
        ) -> Array: ...


def test_the_kernel_gets_what_counts_and_nothing_else():
    points = RANDOM.normal(size=(4, 3)).astype(">f4")[:, ::-1]
    spoilt = points.copy()
    spoilt[1], spoilt[3] = np.nan, np.inf
    where, weight = np.array([True, False, True, True]), np.array([1.0, 1.0, 2.0, 0.0])
    SEEN.clear()
    value, grad = lossreg.create(spread, reduction="none").value_and_grad(spoilt, where=where, sample_weight=weight)
    (seen,) = SEEN
    assert seen == ((2, 3), True, np.dtype(np.float32), ["points"])
    squares = (points.astype(float) ** 2).sum(1)
    np.testing.assert_allclose(value, [squares[0], 0, 2 * squares[2], 0], rtol=1e-6)
    np.testing.assert_allclose(grad, 2 * points * np.array([1, 0, 2, 0])[:, np.newaxis], rtol=1e-6)
    SEEN.clear()
    assert lossreg.create(spread)(points, where=np.zeros(4, bool)) == 0
    assert not SEEN


def test_an_optional_input_may_be_left_out_and_gets_a_gradient_where_it_is_there():
    points, centre = RANDOM.normal(size=(4, 3)), RANDOM.normal(size=3)
    criterion = lossreg.create(spread, reduction="sum")
    assert isinstance(criterion.grad(points), np.ndarray)
    value, (by_points, by_centre) = criterion.value_and_grad(points, centre)
    np.testing.assert_allclose(value, ((points - centre) ** 2).sum())
    np.testing.assert_allclose(by_centre, -by_points.sum(0))
    with pytest.raises(InvalidInput, match=r"spread: expected centre of shape \(3,\); got \(2,\)"):
        criterion(points, centre[:2])
    with pytest.raises(InvalidType, match=r"spread takes points, \[centre\]; got 3 arrays"):
        criterion(points, centre, centre)


def test_each_says_what_does_not_compile():
    table = {0: 1.0}

    def wrong(i, x):
        x[i] = table[i]

    with pytest.raises(InvalidDefinition, match="wrong: it does not compile"):
        each(wrong, 1, np.zeros(1))


def add_with_scratch(i, x, y, scratch, out):
    scratch[0] = x[i]
    out[i] = scratch[0] + y


def test_each_takes_any_operands_after_a_call_that_has_passed():
    shared = np.broadcast_to(np.float32(2), 5)
    for x, y in ((np.arange(5.0), 1), (shared, 1.5), (np.arange(5), np.float32(0.5)), (np.arange(10.0)[::2], 1)):
        out = np.zeros(5)
        each(add_with_scratch, 5, x, y, Scratch(1), out)
        np.testing.assert_array_equal(out, x + y)
    with pytest.raises(InvalidDefinition, match="add_with_scratch: it does not compile"):
        each(add_with_scratch, 5, np.arange(5.0), "y", Scratch(1), out)
    with pytest.raises(InvalidDefinition, match=r"an integer as the count of samples; got 5\.0"):
        each(add_with_scratch, 5.0, np.arange(5.0), 1, Scratch(1), out)


@loss
def checked(
    x: Annotated[Array, Axes("T N")],
    marks: Annotated[Array, Axes("N S", Symbol)],
    long: Annotated[Array, Axes("N", Length)],
    sample_weight: SampleWeight,
    slopes: Slopes,
) -> Array:
    """A kernel that checks its input."""
    require(marks < 5, "marks", marks, "a mark below 5")
    assert long.shape == sample_weight.shape
    slopes.get("x", x.copy())[...] = sample_weight
    return x.sum(0) * sample_weight


def add_up(_, x, sums):
    quick, ordered, level = 0.0, 0.0, x[0]
    for j in range(len(x)):
        quick += x[j]
        ordered = ordered + x[j]
    sums[0], sums[1] = quick, ordered
    for j in range(len(x)):
        sums[2 + j] = 1e-9 + (level - x[j])


def test_each_reorders_sums_that_are_written_in_place_and_nothing_else():
    x = np.tile([1e9, 0.1, -1e9, 0.3], 64)
    sums = np.empty(2 + len(x))
    each(add_up, 1, x, sums)
    in_order = 0.0
    for number in x.tolist():
        in_order += number
    assert sums[1] == in_order
    assert is_stock() or sums[0] != in_order
    np.testing.assert_allclose(sums[0], 25.6, atol=1e-4)
    np.testing.assert_array_equal(sums[2:], 1e-9 + (x[0] - x))


def test_what_a_kernel_refuses_is_reported_at_its_position_in_the_batch():
    x, marks, long = np.ones((2, 4)), np.zeros((4, 3), int), np.array([1, 2, 3, 0])
    marks[2, 1] = 9
    with pytest.raises(InvalidInput, match=r"^checked: expected marks a mark below 5; got 9 at \[2, 1\]$"):
        lossreg.create(checked)(x, marks, long, where=np.array([False, True, True, True]))
    with pytest.raises(InvalidInput, match=r"got 9 at \[1\]$"):
        lossreg.create(checked)(x[:, 2], marks[2], long[2])
    assert lossreg.create(checked, reduction="sum")(x, marks, long, where=np.array([True, True, False, True])) == 6


def test_a_mean_takes_each_sample_by_its_length():
    x, marks, long = np.ones((2, 4)), np.zeros((4, 3), int), np.array([1, 2, 4, 0])
    value, grad = lossreg.create(checked).value_and_grad(x, marks, long)
    assert value == pytest.approx((2 + 1 + 0.5 + 2) / 4)
    np.testing.assert_allclose(grad[0], [0.25, 0.125, 0.0625, 0.25])
    assert lossreg.create(checked, reduction="sum")(x, marks, long) == 8


def test_the_kit_needs_an_example_of_a_batch():
    with pytest.raises(InvalidDefinition, match=r"form 1 takes a whole batch and has no example"):
        check_loss(checked)


# linear_cross_entropy


@pytest.mark.slow  # 4 s of processor time
def test_linear_cross_entropy_never_holds_the_logits():
    samples, width, classes = 1024, 16, 40_000
    features = RANDOM.normal(size=(samples, width)).astype(np.float32)
    weight, labels = RANDOM.normal(size=(classes, width)).astype(np.float32), RANDOM.integers(0, classes, samples)
    criterion = lossreg.create("linear_cross_entropy")
    criterion.value_and_grad(features[:2], weight, labels[:2])
    out = (np.empty_like(features), np.empty_like(weight))
    tracemalloc.start()
    value, _ = criterion.value_and_grad(features, weight, labels, out=out)
    extra = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert extra < 64e6 < features.itemsize * samples * classes
    logits = features @ weight.T
    expected, slope = lossreg.create("cross_entropy").value_and_grad(logits, labels)
    assert value == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(out[0], slope @ weight, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(out[1], slope.T @ features, rtol=1e-4, atol=1e-7)


def test_an_ignored_row_is_not_multiplied_either():
    features, weight = RANDOM.normal(size=(3, 2)), RANDOM.normal(size=(4, 2))
    features[1] = np.nan
    value, (by_features, by_weight) = lossreg.create("linear_cross_entropy").value_and_grad(
        features, weight, [0, -100, 3]
    )
    assert np.isfinite([value, *by_features.ravel(), *by_weight.ravel()]).all()
    assert not by_features[1].any()


# ctc


def log_softmax(logits):
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True))


@pytest.mark.slow  # 2 s of processor time
def test_the_gradient_of_ctc_is_that_by_the_logits_of_a_log_softmax():
    logits, labels = RANDOM.normal(size=(4, 2, 3)), np.array([[1, 2], [2, 2]])
    lengths = np.array([4, 3]), np.array([2, 1])
    grad = lossreg.create("ctc", reduction="sum").grad(log_softmax(logits), labels, *lengths)
    with mp.workdps(40):
        for at in np.ndindex(logits.shape):
            sides = []
            for step in (-1e-12, 1e-12):
                moved = exact(logits)
                moved[at] += mp.mpf(step)
                normalised = moved - np.frompyfunc(mp.log, 1, 1)(np.frompyfunc(mp.exp, 1, 1)(moved).sum(-1))[..., None]
                sides.append(all_paths(normalised, labels, *lengths)[0].sum())
            assert grad[at] == pytest.approx(float((sides[1] - sides[0]) / mp.mpf(2e-12)), rel=1e-9, abs=1e-12)


def test_where_no_path_fits_ctc_is_infinite_or_0():
    log_probs = log_softmax(RANDOM.normal(size=(3, 2, 3)))
    given = [[1, 1], [1, 2]], [2, 3], [2, 2]
    value, grad = lossreg.create("ctc", reduction="none").value_and_grad(log_probs, *given)
    assert value[0] == np.inf
    assert np.isnan(grad[:2, 0]).all()
    assert not grad[2, 0].any()
    assert np.isfinite(grad[:, 1]).all()
    value, grad = lossreg.create("ctc", reduction="none", zero_infinity=True).value_and_grad(log_probs, *given)
    assert value[0] == 0
    assert value[1] > 0
    assert not grad[:, 0].any()


def by_recursion(log_probs, labels):
    """The value and the slopes of one sequence in 40 digits, by Graves' sums forwards and backwards."""
    symbols = [0, *(s for label in labels for s in (label, 0))]
    chances = np.frompyfunc(mp.exp, 1, 1)(exact(log_probs))
    frames, states = len(log_probs), len(symbols)

    def sums(order, chances):
        before = [mp.mpf(1)] + [mp.mpf(0)] * states
        for frame in chances:
            here = [mp.mpf(0)] * states
            for s in range(states):
                skip = s > 1 and order[s] not in {0, order[s - 2]}
                here[s] = before[s] + (before[s - 1] if s else 0) + (before[s - 2] if skip else 0)
            yield here
            before = [total * frame[symbol] for total, symbol in zip(here, order, strict=True)] + [mp.mpf(0)]

    ahead = list(sums(symbols, chances))
    behind = [row[::-1] for row in sums(symbols[::-1], chances[::-1])][::-1]
    parts = np.zeros(log_probs.shape, object)
    for t, s in np.ndindex(frames, states):
        parts[t, symbols[s]] += ahead[t][s] * behind[t][s] * chances[t, symbols[s]]
    whole = sum(parts[0])
    return -mp.log(whole), chances - parts / whole


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize(("frames", "steepness"), [(7, 1.0), (60, 1.0), (60, 30.0), (60, 3000.0), (60, 1e8)])
def test_sums_over_paths_are_exact_whatever_their_size(frames, steepness, kind):
    logits = RANDOM.normal(size=(frames, 1, 5)) * steepness
    log_probs = log_softmax(logits - logits.max(-1, keepdims=True)).astype(kind)
    labels = np.array([1, 2, 2, 4, 1])
    value, grad = lossreg.create("ctc", reduction="sum").value_and_grad(log_probs, [labels], [frames], [5])
    with mp.workdps(40):
        expected, slopes = by_recursion(log_probs[:, 0], labels)
    assert abs(value - expected) <= np.finfo(kind).eps * abs(expected)
    assert np.max(abs(grad[:, 0] - slopes)) <= (4e-14 if kind == "float64" else 1e-7)


def test_a_class_that_no_path_may_take_is_left_out():
    log_probs = np.full((4, 1, 3), -np.log(2))
    log_probs[:, :, 2] = -np.inf
    value, grad = lossreg.create("ctc", reduction="sum").value_and_grad(log_probs, [[1]], [4], [1])
    assert value == pytest.approx(-np.log(10 / 16), rel=1e-15)  # in the classes 0 and 1 one run of 1: 10 of 16
    assert np.isfinite(grad).all()
    assert lossreg.create("ctc", reduction="sum")(log_probs, [[2]], [4], [1]) == np.inf
    log_probs[1, 0, 0] = np.nan
    assert np.isnan(lossreg.create("ctc", reduction="sum")(log_probs, [[1]], [4], [1]))


def test_the_shortest_sequences():
    log_probs = np.full((2, 1, 3), -np.log(3))
    criterion = lossreg.create("ctc", reduction="none")
    for labels, frames, length, expected in (([[1]], 0, 0, 0.0), ([[1]], 2, 0, 2 * np.log(3)), ([[1]], 0, 1, np.inf)):
        value, grad = criterion.value_and_grad(log_probs, labels, [frames], [length])
        assert value == pytest.approx(expected, rel=1e-15)
        assert not np.signbit(value)
        assert not grad[frames:].any()
    value = criterion(log_probs, np.empty((1, 0), int), [2], [0])
    assert value == pytest.approx(2 * np.log(3), rel=1e-15)


@pytest.mark.parametrize(("mask", "expected"), [(-1e16, 1e16), (-1e28, 1e28), (-1e30, np.inf), (-1e308, np.inf)])
def test_log_probabilities_far_below_any_others(mask, expected):
    log_probs = np.array([[[0.0, mask]], [[-0.5, -0.5]]])
    value, grad = lossreg.create("ctc", reduction="sum").value_and_grad(log_probs, [[1, 1]], [2], [2])
    assert value == np.inf  # a label that is said twice takes three frames
    value, grad = lossreg.create("ctc", reduction="sum").value_and_grad(log_probs, [[1, 0]], [1], [1])
    assert value == pytest.approx(expected, rel=1e-15)
    assert np.isnan(grad[0]).all() == np.isinf(expected)


def test_concatenated_sequences_equal_padded_ones():
    log_probs, labels = log_softmax(RANDOM.normal(size=(5, 3, 4))), np.array([[1, 2], [3, 0], [0, 0]])
    lengths = [5, 4, 5], [2, 1, 0]
    criterion = lossreg.create("ctc")
    beside, after = (criterion.value_and_grad(log_probs, given, *lengths) for given in (labels, [1, 2, 3]))
    assert beside[0] == after[0]
    np.testing.assert_array_equal(beside[1], after[1])
    with pytest.raises(InvalidInput, match="expected labels of 3 numbers, the sum of target_lengths; got 2"):
        criterion(log_probs, [1, 2], *lengths)


@pytest.mark.parametrize(
    ("labels", "input_lengths", "target_lengths", "message"),
    [
        ([[1, 0], [1, 2]], [3, 3], [2, 2], r"labels a class from 0 to 2, other than the blank 0; got 0 at \[0, 1\]"),
        ([[1, 2], [1, 3]], [3, 3], [2, 2], r"labels a class from 0 to 2, other than the blank 0; got 3 at \[1, 1\]"),
        ([[1, 2], [1, 2]], [3, 4], [2, 2], r"input_lengths at most 3; got 4 at \[1\]"),
        ([[1, 2], [1, 2]], [3, 3], [3, 2], r"target_lengths at most 2; got 3 at \[0\]"),
        ([[1, 2], [1, 2]], [-1, 3], [2, 2], r"input_lengths an integer, 0 or above; got -1 at \[0\]"),
    ],
)
def test_what_ctc_cannot_read_is_refused(labels, input_lengths, target_lengths, message):
    log_probs = np.full((3, 2, 3), -np.log(3))
    with pytest.raises(InvalidInput, match=f"^ctc: expected {message}"):
        lossreg.create("ctc")(log_probs, labels, input_lengths, target_lengths)


def test_what_stands_behind_a_sequence_is_not_read():
    log_probs = np.full((3, 2, 3), -np.log(3))
    criterion = lossreg.create("ctc")
    given = [3, 3], [1, 2]
    assert criterion(log_probs, [[1, -1], [1, 2]], *given) == criterion(log_probs, [[1, 99], [1, 2]], *given)
    with pytest.raises(InvalidParameter, match="expected blank below the number of classes, 3; got 3"):
        lossreg.create("ctc", blank=3)(log_probs, [[1, 2], [1, 2]], *given)


# adaptive_log_softmax


def test_the_classes_of_an_adaptive_softmax_add_up_to_1():
    features, layers = RANDOM.normal(size=(6, 8)), [(4, 8), (4,), (4, 8), (2, 4), (2, 8), (3, 2)]
    layers = [RANDOM.normal(size=shape) for shape in layers]
    criterion = lossreg.create("adaptive_log_softmax", cutoffs=[2, 4], div_value=2, head_bias=True, reduction="none")
    every = criterion.log_prob(features, *layers)
    np.testing.assert_allclose(np.exp(every).sum(1), 1, rtol=1e-14)
    for label in range(7):
        np.testing.assert_allclose(criterion(features, np.full(6, label), *layers), -every[:, label], rtol=1e-13)
    np.testing.assert_array_equal(criterion.predict(features, *layers), every.argmax(1))
    sure = criterion.log_prob(40 * features, *layers)
    for label in range(7):
        expected = criterion(40 * features, np.full(6, label), *layers)
        np.testing.assert_allclose(-sure[:, label], expected, rtol=1e-11)
    assert criterion.predict(features[0], *layers) == every[0].argmax()
    with pytest.raises(AttributeError, match="nonsense"):
        criterion.nonsense  # noqa: B018  it has to be missing


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: [*a[:1], a[1] + 9, *a[2:]], r"expected target a class from 0 to 6; got \d+ at \[0\]"),
        (lambda a: [*a[:2], a[2][1:], *a[3:]], r"expected head of shape \(4, 8\); got \(3, 8\)"),
        (lambda a: a[:-1], "expected 2 tails for each of 2 cutoffs; got 3"),
        (lambda a: [*a[:-1], a[-1][:, 1:]], r"expected tails\[3\] of shape \(3, 2\); got \(3, 1\)"),
        (lambda a: [*a[:3], np.zeros(4), *a[3:]], "expected no bias behind the head"),
    ],
)
def test_layers_that_do_not_fit_are_refused(change, message):
    shapes = [(6, 8), (4, 8), (4, 8), (2, 4), (2, 8), (3, 2)]
    features, *layers = (RANDOM.normal(size=shape) for shape in shapes)
    arrays = [features, RANDOM.integers(0, 7, 6), *layers]
    criterion = lossreg.create("adaptive_log_softmax", cutoffs=[2, 4], div_value=2)
    criterion(*arrays)
    with pytest.raises(InvalidInput, match=message):
        criterion(*change(arrays))


# A distance of one's own


def fourth(x1, x2, slope1, slope2):
    """The sum of fourth powers."""
    T = type(x1[0])
    added = T(0)
    for j in range(len(x1)):
        apart = x1[j] - x2[j]
        cube = apart * apart * apart
        added += cube * apart
        slope1[j], slope2[j] = T(4) * cube, T(-4) * cube
    return added


def test_a_distance_of_ones_own_is_compiled_into_the_loss():
    anchor, positive, negative = (RANDOM.normal(size=(5, 3)) for _ in range(3))
    criterion = lossreg.create("triplet_margin_with_distance", distance_function=fourth, margin=1e6)
    value, grads = criterion.value_and_grad(anchor, positive, negative)
    expected = ((anchor - positive) ** 4 - (anchor - negative) ** 4).sum(-1) + 1e6  # above 0, as the margin is large
    assert expected.min() > 0
    assert value == pytest.approx(expected.mean(), rel=1e-14)
    np.testing.assert_allclose(grads[1], -4 * (anchor - positive) ** 3 / 5)
    assert criterion == lossreg.create("triplet_margin_with_distance", distance_function=fourth, margin=1e6)


def test_a_distance_by_a_wrong_name_is_refused_with_the_nearest():
    with pytest.raises(InvalidParameter, match=r"'euclidean'.*got 'euclidian'; did you mean 'euclidean'"):
        lossreg.create("triplet_margin_with_distance", distance_function="euclidian")


def without_slopes(x1, x2):
    return abs(x1[0] - x2[0])


@pytest.mark.parametrize("given", [without_slopes, abs, 3])
def test_a_distance_of_other_arguments_is_refused_with_those_it_needs(given):
    with pytest.raises(InvalidParameter, match=r"distance_function: .* of \(x1, x2, slope1, slope2\) like them, got"):
        lossreg.create("triplet_margin_with_distance", distance_function=given)


def test_the_gradient_of_sequences_one_after_the_other_has_their_shape():
    @loss
    def sequences(
        x: Annotated[Array, Axes("N T", lengths="sizes")],
        sizes: Annotated[Array, Axes("N", Length)],
        sample_weight: SampleWeight,
        slopes: Slopes,
    ) -> Array:
        inside = np.arange(x.shape[1]) < sizes[:, np.newaxis]
        if "x" in slopes:
            slopes["x"][...] = 2 * x * inside * sample_weight[:, np.newaxis]
        return (x**2 * inside).sum(1) * sample_weight

    flat, sizes = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 3])
    criterion = lossreg.criterion.criterion.Criterion(sequences, "sum")
    for where, expected in ((None, [2.0, 4.0, 6.0, 8.0]), ([False, True], [0.0, 4.0, 6.0, 8.0])):
        for _ in range(3):
            _, grad = criterion.value_and_grad(flat, sizes, where=where)
            assert grad.tolist() == expected


@pytest.mark.slow  # 4 s of processor time
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_a_layer_of_several_outputs_is_a_cross_entropy_of_each(reduction):
    features, layer, bias = RANDOM.normal(size=(6, 3)), RANDOM.normal(size=(5, 2, 1, 3)), RANDOM.normal(size=(5, 2, 1))
    labels, options = RANDOM.integers(0, 5, (6, 2, 1)), {"sample_weight": RANDOM.random((6, 2, 1))}
    options["where"] = options["sample_weight"] > 0.3
    labels[0, 0, 0] = -100
    parameters = {"weight": RANDOM.uniform(0.5, 2, 5), "label_smoothing": 0.1, "reduction": reduction}
    ours, plain = (lossreg.create(name, **parameters) for name in ("linear_cross_entropy", "cross_entropy"))
    logits = np.einsum("nd,cstd->ncst", features, layer) + bias
    shares = RANDOM.random(logits.shape)
    for target in (labels, shares / shares.sum(axis=1, keepdims=True)):
        value, grads = ours.value_and_grad(features, layer, target, bias, **options)
        expected, grad = plain.value_and_grad(logits, target, **options)
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        by_layer = np.einsum("ncst,nd->cstd", grad, features)
        for found, wanted in zip(grads, (np.einsum("ncst,cstd->nd", grad, layer), by_layer, grad.sum(0)), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-14)
    labels[2, 1, 0] = 7
    with pytest.raises(InvalidInput, match=r"target a class from 0 to 4 or -100 \(ignored\); got 7 at \[2, 1, 0\]"):
        ours(features, layer, labels, bias)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("outlier", [np.nan, -np.nan, -0.25, 1.25, np.inf, -np.inf, None, -0.0, 1.0])
def test_all_numbers_of_a_batch_are_checked_against_its_domain(kind, outlier):
    @loss
    def shares(x: Annotated[Array, Axes("N D", Unit)], sample_weight: SampleWeight, slopes: Slopes):
        for slope in slopes.values():
            slope[...] = 1
        return x.sum(1) * sample_weight

    for layout in ("C", "F"):
        x = np.asarray(RANDOM.random((5, 7)), kind, layout)
        if outlier is not None:
            x[3, 2] = outlier
        if outlier in {None, 0.0, 1.0}:
            assert Criterion(shares)(x) == pytest.approx(x.sum(1).mean(), rel=1e-6)
        else:
            with pytest.raises(InvalidInput, match=r"shares: expected x 0 to 1; got .* at \[3, 2\]"):
                Criterion(shares)(x)
