"""Rows side by side: branches in every lane as row by row, and what cannot be done for several rows at once."""

import math

import numpy as np
import pytest
from numba import types

import lossreg
from lossreg.definition.annotations import row_axis_of
from lossreg.kernels.compiler.bytecode import calls_transcendentals, has_uniform_control_flow
from lossreg.kernels.compiler.options import REORDERED
from lossreg.kernels.compiler.type_inference import kernel_context
from lossreg.kernels.loops.linking import compiled
from lossreg.kernels.loops.row_parameters import row_parameter
from lossreg.kernels.numerics.stable import exp, log_sum, sign
from lossreg.kernels.simd.vector_call import resolved
from lossreg.kernels.simd.vector_rows import LaneRow
from lossreg.kernels.simd.vectors import Lanes
from lossreg.plugin import ClassIndex, ClassRow, Real, Row, Slope, loss

RANDOM = np.random.default_rng(11)


def halved(x):
    """Half of what is above 1, by a branch that returns."""
    return x / 2 if x > 1 else x


@loss
def branching(scores: ClassRow[Real], label: ClassIndex, slope: Slope, bend: Real = 0.5) -> float:
    """Branches on numbers, parameters and labels, one in the other, and operators; nothing is summed up."""
    T = type(scores[0])
    own, value = scores[label], exp(-abs(scores[label]))
    for j in range(len(scores)):
        x = scores[j]
        bent = halved(x) if x > bend else (-x if (x < -1) | (j == label) else T(0.25))
        if bend > 0 and not (x <= own):
            bent = bent - T(1)
            bent *= T(2)
        slope[j] = max(min(bent, T(3)), -abs(own)) + sign(x) + T(x > 0)
        value = x if (x > value) & (x != own) else value
    slope[label] = value if label > 0 else T(label) - own
    return value


@loss
def storing(scores: ClassRow[Real], label: ClassIndex, slope: Slope) -> float:
    """A store that depends on a number, which only one row at a time can do."""
    value = exp(scores[label])
    for j in range(len(scores)):
        slope[j] = 0.0
        if scores[j] > 0:
            slope[j] = scores[j]
    return value


@loss
def waiting(scores: Row[Real], slope: Slope) -> float:
    """A loop that ends by what it finds."""
    j = 0
    while j < len(scores) - 1 and scores[j] < 0:
        j += 1
    for k in range(len(scores)):
        slope[k] = exp(scores[k])
    return scores[j]


@loss
def leaving(scores: Row[Real], slope: Slope) -> float:
    """A return from a loop."""
    for j in range(len(scores)):
        slope[j] = exp(scores[j])
    for j in range(len(scores)):
        if scores[j] > 0:
            return scores[j]
    return 0.0


def lift(slope: Slope) -> None:
    """Add 1 to every number of a row."""
    for j in range(len(slope)):
        slope[j] += 1


@loss
def calling(scores: ClassRow[Real], label: ClassIndex, slope: Slope, lifted: Real = 0.0) -> float:
    """A call without a result, behind a condition."""
    for j in range(len(scores)):
        slope[j] = exp(scores[j])
    if lifted > 0:
        lift(slope)
    return scores[label]


def side_by_side(form):
    """Whether a kernel can be compiled for several rows at once."""
    kinds = [types.int64 if entry.domain.integer else types.float32 for entry in form.inputs]
    wide = [entry.axis is not None for entry in form.inputs]
    inputs = [LaneRow(kind) if row else Lanes(kind) for kind, row in zip(kinds, wide, strict=True)]
    slopes = [LaneRow(types.float32) for _ in form.slope_rows]
    switches = tuple(p.default for p in form.parameters if p.name in form.switches)
    others = [p for p in form.parameters if p.name not in form.switches]
    settings = [
        types.int64
        if isinstance(p.default, int)
        else row_parameter(types.float32, row_axis_of(p.annotation) is not None)
        for p in others
    ]
    kernel = compiled(form.kernel, REORDERED, switches)  # held, since a type does not hold what it is the type of
    kinds = (*inputs, *slopes, *settings)
    return resolved(kernel_context(), types.Dispatcher(kernel), kinds) is not None


def points(scores, labels, made, **parameters):
    """The values and slopes of rows, one by one, by the kernel in plain Python."""
    results = [made.at(row.tolist(), int(label), **parameters) for row, label in zip(scores, labels, strict=True)]
    return np.array([value for value, _ in results]), np.array([slope for _, slope in results])


@pytest.mark.parametrize("lifted", [0.0, 1.0])
def test_a_function_that_fills_a_row_is_called_only_where_its_condition_is_true(lifted):
    scores, labels = RANDOM.normal(size=(20, 5)), RANDOM.integers(0, 5, 20)
    grads = lossreg.create(calling, reduction="none", lifted=lifted).grad(scores, labels)
    assert side_by_side(calling.forms[0])
    np.testing.assert_allclose(grads, np.exp(scores) + lifted, rtol=4e-16)


@pytest.mark.parametrize("samples", [1, 15, 16, 17, 200])
@pytest.mark.parametrize("bend", [0.5, -0.5])
def test_branches_give_each_row_its_own(samples, bend):
    scores, labels = RANDOM.normal(size=(samples, 5)), RANDOM.integers(0, 5, samples)
    values, grads = lossreg.create(branching, reduction="none", bend=bend).value_and_grad(scores, labels)
    expected, slopes = points(scores, labels, branching, bend=bend)
    np.testing.assert_allclose(values, expected, rtol=4e-16)
    np.testing.assert_allclose(grads, slopes, rtol=4e-16)


BUILT_IN = ("cross_entropy", "nll", "multi_margin", "multilabel_soft_margin")


@pytest.mark.parametrize("made", [branching, *BUILT_IN], ids=str)
def test_a_kernel_is_compiled_for_several_rows(made):
    forms = lossreg.get(made).forms if isinstance(made, str) else made.forms
    assert all(side_by_side(form) for form in forms)


@pytest.mark.parametrize("shape", [(37, 5), (3, 5, 7, 3)])
def test_a_store_in_a_branch_is_done_row_by_row(shape):
    scores = RANDOM.normal(size=shape)
    labels = RANDOM.integers(0, 5, (shape[0], *shape[2:]))
    values, grads = lossreg.create(storing, reduction="none").value_and_grad(scores, labels)
    expected = np.exp(np.take_along_axis(scores, np.expand_dims(labels, 1), 1)).squeeze(1)
    np.testing.assert_allclose(values, expected, rtol=4e-16)
    np.testing.assert_array_equal(grads, np.maximum(scores, 0))
    assert not side_by_side(storing.forms[0])


@pytest.mark.parametrize(("made", "expected"), [(branching, True), (storing, True), (waiting, False), (leaving, False)])
def test_a_kernel_whose_steps_depend_on_what_it_finds_is_not_tried(made, expected):
    assert has_uniform_control_flow(made.forms[0].kernel) is expected
    assert calls_transcendentals(made.forms[0].kernel)


@pytest.mark.parametrize("made", [waiting, leaving])
def test_such_a_kernel_runs_row_by_row(made):
    scores = RANDOM.normal(size=(20, 4))
    values, _ = lossreg.create(made, reduction="none").value_and_grad(scores)
    np.testing.assert_allclose(values, [made.at(row.tolist())[0] for row in scores])


@pytest.mark.parametrize("shape", [(50, 6), (2, 6, 25)])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_row_does_not_touch_the_one_beside_it(shape, bad):
    scores = RANDOM.normal(size=shape)
    labels = RANDOM.integers(0, 6, (shape[0], *shape[2:]))
    criterion = lossreg.create("cross_entropy", reduction="none")
    expected, slopes = criterion.value_and_grad(scores, labels)
    scores[1, :, ...] = bad
    labels[1, ...] = -100
    values, grads = criterion.value_and_grad(scores, labels)
    assert not values[1].any()
    assert not grads[1].any()
    others = np.arange(shape[0]) != 1
    np.testing.assert_array_equal(values[others], expected[others])
    np.testing.assert_array_equal(grads[others], slopes[others])


@pytest.mark.parametrize("samples", [1, 16, 21])
def test_a_label_out_of_range_is_found_and_reported_in_any_lane(samples):
    scores, labels = np.zeros((samples, 4)), np.zeros(samples, int)
    labels[-1] = 1 << 40  # far outside the memory of the row
    with pytest.raises(lossreg.InvalidInput, match=rf"label a class from 0 to 3 .* got {1 << 40} at \[{samples - 1}\]"):
        lossreg.create("cross_entropy").value_and_grad(scores, labels)
    mask = labels == 0
    value, grad = lossreg.create("cross_entropy").value_and_grad(scores, labels, where=mask)
    assert value == pytest.approx(np.log(4) if samples > 1 else 0)
    assert not grad[-1].any()


@pytest.mark.parametrize("classes", [1, 2, 15, 16, 17, 31, 32, 33, 127, 128, 129])
@pytest.mark.parametrize("samples", [1, 16, 19])
def test_any_number_of_classes_lies_in_lines_or_across_planes(classes, samples):
    scores = RANDOM.normal(size=(samples, classes))
    labels = RANDOM.integers(0, classes, samples)
    shift = scores - scores.max(axis=1, keepdims=True)
    expected = np.log(np.exp(shift).sum(axis=1)) - shift[np.arange(samples), labels]
    softmax = np.exp(shift) / np.exp(shift).sum(axis=1, keepdims=True)
    softmax[np.arange(samples), labels] -= 1
    criterion = lossreg.create("cross_entropy", reduction="none")
    for axis in (1, 0):
        given, of = (scores, labels) if axis else (scores.T[None].copy(), labels[None])
        values, grads = criterion.value_and_grad(given, of)
        np.testing.assert_allclose(values.ravel(), expected, rtol=1e-13, atol=1e-15)
        np.testing.assert_allclose(grads if axis else grads[0].T, softmax, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("x", "y"), [(1.0, 1e-20), (1e-20, 1.0), (1.0, 1.0), (0.3, 4.0), (0.0, 0.0), (1.0, np.inf)])
def test_log_sum_keeps_the_digits_of_what_is_added_to_1(x, y):
    @loss
    def summed(one: Real, other: Real) -> tuple[float, float]:
        return log_sum(one, other), 0.0

    expected = np.log1p(min(x, y)) if max(x, y) == 1 else np.log(np.float64(x) + y) if x + y else -np.inf
    for value in (lossreg.create(summed)(np.array([x]), np.array([y])), log_sum(x, y)):
        assert value == pytest.approx(expected, rel=4e-16)


def test_sums_of_few_values_are_compensated():
    random = np.random.default_rng(7)
    summed, plain = lossreg.create("soft_margin", reduction="sum"), lossreg.create("soft_margin", reduction="none")
    for size in range(2, 40):
        x = random.standard_normal(size) * 10.0 ** random.integers(-9, 9, size)
        y = np.where(random.random(size) < 0.5, -1.0, 1.0)
        exact = math.fsum(plain(x, y))
        assert summed(x, y) == exact, size


@pytest.mark.parametrize("length", [1, 2, 15, 16, 17, 33])
def test_the_remainder_of_a_row_is_masked(length):
    rows = np.random.default_rng(length).standard_normal((2, 3, length))
    value, slopes = lossreg.create("cosine_embedding", reduction="none").value_and_grad(*rows, np.ones(3))
    for at, (first, second) in enumerate(rows.swapaxes(0, 1).tolist()):
        expected, *expected_slopes = lossreg.get("cosine_embedding").at(first, second, 1.0)
        assert value[at] == pytest.approx(expected, rel=1e-14, abs=1e-15)
        for slope, wanted in zip(slopes, expected_slopes, strict=True):
            np.testing.assert_allclose(slope[at], wanted, rtol=1e-12, atol=1e-14)


def test_multilabel_margin_of_many_classes_adds_up_all_pairs():
    random = np.random.default_rng(3)
    scores, labels = random.normal(size=(4, 40)), np.full((4, 40), -1)
    labels[:, :6] = random.integers(0, 40, (4, 6))  # some of them twice
    value, slopes = lossreg.create("multilabel_margin", reduction="sum").value_and_grad(scores, labels)
    expected, gradient = 0.0, np.zeros_like(scores)
    for i, listed in enumerate(labels[:, :6].tolist()):
        for j in set(range(40)) - set(listed):
            for k in listed:
                excess = 1 + scores[i, j] - scores[i, k]
                expected += max(excess, 0) / 40
                gradient[i, [j, k]] += np.array([1, -1]) * (excess > 0) / 40
    assert value == pytest.approx(expected, rel=1e-14)
    np.testing.assert_allclose(slopes, gradient, rtol=1e-13, atol=1e-15)
