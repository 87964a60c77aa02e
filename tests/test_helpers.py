"""The functions for formulas and for batch kernels, against independent formulas, in Python and compiled."""

from itertools import pairwise

import numpy as np
import pytest
from oracles import mp

from lossreg.criterion.batch_kernels.groups import numbered
from lossreg.kernels.batches.segments import segments_of, stable_order
from lossreg.kernels.compiler.bytecode import has_uniform_control_flow
from lossreg.kernels.numerics import digamma, hypot, lgamma, log1p_sum, others, power, softmax, tanh
from lossreg.plugin import (
    add_rows,
    blocks_of_pairs,
    normalized_rows,
    order_within,
    sample_discrepancy,
    segment_softmax,
    segment_sums,
    sorted_segments,
    through_normalization,
)

RANDOM = np.random.default_rng(11)
POINTS = [1e-300, 1e-9, 0.3, 0.999, 1.0, 1.5, 2.0, 7.25, 300.0]


@pytest.mark.parametrize("x", POINTS)
def test_functions_agree_with_many_digits(x):
    with mp.workdps(60):
        exact = mp.mpf(x)
        expected = {
            lgamma: mp.loggamma(exact),
            digamma: mp.digamma(exact),
            tanh: mp.tanh(exact),
            lambda x: power(x, 2.5): exact**2.5,
            lambda x: hypot(x, 2.0): mp.hypot(exact, 2),
        }
        for function, value in expected.items():
            assert float(function(x)) == pytest.approx(float(value), rel=1e-13, abs=1e-15)
            assert abs(function(exact) - value) <= 1e-30 * (1 + abs(value))


def test_functions_at_their_limits():
    assert (power(0.0, 2.0), power(0.0, 0.0), power(1.0, np.inf), power(np.inf, 2.0)) == (0, 1, 1, np.inf)
    assert power(0.0, -1.0) == np.inf
    assert (tanh(np.inf), tanh(-np.inf), tanh(0.0)) == (1, -1, 0)
    assert (hypot(np.inf, 1.0), hypot(0.0, 0.0), hypot(1e-200, 0.0)) == (np.inf, 0, 1e-200)
    assert hypot(3e-200, 4e-200) == pytest.approx(5e-200)
    assert type(power(np.float32(2), np.float32(3))) is type(tanh(np.float32(1))) is np.float32


def test_a_sum_of_log1p_keeps_the_digits_of_small_numbers():
    random = np.random.default_rng(0)
    for row in (random.uniform(0, 1e-17, 21), random.uniform(0, 1, 16), np.ones(8), np.array([0.5])):
        assert log1p_sum(row) == pytest.approx(float(mp.fsum(map(mp.log1p, row))), rel=2e-15)


def test_the_softmax_of_a_row_and_its_gap_from_one():
    row, out = [40.0, 0.0, -1.0], [0.0] * 3
    norm = softmax(row, out)
    assert norm == pytest.approx(40, abs=1e-12)
    assert others(out, 0) == pytest.approx(float(1 - mp.e**40 / (mp.e**40 + 1 + mp.e**-1)), rel=1e-13)
    assert out == pytest.approx([1, np.exp(-40), np.exp(-41)])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_normalised_rows_and_the_gradient_through_them(kind):
    x = RANDOM.normal(size=(5, 4)).astype(kind)
    x[1], x[2] = 0, x[2] * (1e30 if kind is np.float32 else 1e200)
    unit, lengths = normalized_rows(x)
    assert unit.dtype == lengths.dtype == kind
    np.testing.assert_allclose(np.delete(np.linalg.norm(unit.astype(float), axis=1), 1), 1, rtol=1e-6)
    assert not unit[1].any()
    slope = RANDOM.normal(size=x.shape).astype(kind)
    found = through_normalization(slope.copy(), unit, lengths)
    assert not found[1].any()
    if kind is np.float64:
        step = 1e-7 * RANDOM.normal(size=4)
        change = (normalized_rows(x[3:4] + step)[0] - normalized_rows(x[3:4] - step)[0]) / 2
        assert found[3] @ step == pytest.approx((slope[3] * change[0]).sum(), rel=1e-6)


def test_rows_are_added_where_an_index_says():
    sums, index, rows = np.zeros((3, 2)), np.array([2, 0, 2, 2]), np.arange(8.0).reshape(4, 2)
    add_rows(sums, index, rows)
    np.testing.assert_array_equal(sums, [[2, 3], [0, 0], [10, 13]])


def test_segments_of_equal_numbers():
    x = np.array([3.0, 1, 3, 2, 1, 3])
    order, bounds = sorted_segments(x, descending=True)
    assert order.tolist() == [0, 2, 5, 3, 1, 4]
    assert bounds.tolist() == [0, 3, 4, 6]
    values = RANDOM.normal(size=6) * 300
    np.testing.assert_allclose(segment_sums(values, bounds), [values[:3].sum(), values[3], values[4:].sum()])
    shares, norms = segment_softmax(values, bounds)
    for start, end, norm in zip(bounds, bounds[1:], norms, strict=False):
        expected = np.logaddexp.reduce(values[start:end])
        assert norm == pytest.approx(expected)
        np.testing.assert_allclose(shares[start:end], np.exp(values[start:end] - expected), rtol=1e-12)
    assert [x.tolist() for x in sorted_segments(np.zeros(0))] == [[], [0]]
    assert [x.tolist() for x in segment_softmax(np.zeros(0), np.array([0]))] == [[], []]


def test_members_are_sorted_within_segments_and_equal_keys_keep_their_order():
    sizes = [1, 100, 15, 33]
    bounds, keys = np.cumsum([0, *sizes]), RANDOM.integers(0, 9, sum(sizes)) * 1.0
    order = RANDOM.permutation(len(keys))
    found = order_within(bounds, order, keys)
    for start, end in pairwise(bounds):
        members = order[start:end]
        np.testing.assert_array_equal(found[start:end], members[np.argsort(-keys[members], kind="stable")])
    np.testing.assert_array_equal(stable_order(keys), np.argsort(keys, kind="stable"))


@pytest.mark.parametrize("bandwidth", [0.0, 1e-3, 1.0, 1e4])
def test_discrepancies_of_float32_rows_near_each_other_keep_their_digits(bandwidth):
    centres = np.repeat([1e3, -1e3], 20)[:, np.newaxis]
    x, y = (np.float32(centres + 1e-3 * RANDOM.normal(size=(40, 3))) for _ in range(2))
    y[3], weight, slope = x[3], np.ones(40, np.float32), np.empty_like(x)
    found = sample_discrepancy(x, y, weight, slope, bandwidth)
    exact = np.empty(x.shape)
    expected = sample_discrepancy(x.astype(float), y.astype(float), weight, exact, bandwidth)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-13)  # of float32, which has 6e-8
    np.testing.assert_allclose(slope, exact, rtol=1e-6, atol=1e-7 * abs(exact).max())


def test_a_long_loop_does_not_depend_on_the_data():
    source = "def long(row):\n total = 0.0\n for j in range(len(row)):\n" + "  total += row[j] * row[j]\n" * 99
    made = {}
    exec(source + " return total\n", made)  # noqa: S102  its bytecode has a jump that takes two instructions
    assert has_uniform_control_flow(made["long"])
    exec("def waits(x):\n while x > 1:\n" + "  x = x * 0.5 + x * 0.1\n" * 99 + " return x\n", made)  # noqa: S102
    assert not has_uniform_control_flow(made["waits"])


def test_blocks_of_pairs_cover_all_rows_and_hold_little():
    blocks = list(blocks_of_pairs(5000, 5000, 4))
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]
    assert (blocks[0].start, blocks[-1].stop) == (0, 5000)
    assert max((block.stop - block.start) * 5000 * 4 for block in blocks) <= 4 << 20
    assert len(list(blocks_of_pairs(3, 10**9, 8))) == 3


LEAST, MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


@pytest.mark.parametrize(
    "x",
    [
        [],
        [7],
        [0, 0, 1, 1, 2, 2],
        [0, 0, 1, 1, 1, 2],
        [0, 1, 1, 2, 2, 2],
        [3, 3, 4, 4],
        [0, 0, 2, 2],
        [1, 1, 0, 0],
        [0, 1, 0, 1],
        [0, 0, 0, 1, 2, 2],
        [0, MOST, LEAST],
        [0, 1, MOST, LEAST],
    ],
)
def test_segments_and_numbers_of_groups(x):
    given = np.array(x, np.int64)
    starts = [i for i in range(len(x)) if i == 0 or x[i] != x[i - 1]]
    sizes = set(np.diff([*starts, len(x)]).tolist())
    bounds, ascending, length = segments_of(given)
    assert bounds.tolist() == [*starts, len(x)]
    assert ascending == (x == sorted(x))
    assert length == (sizes.pop() if len(sizes) == 1 else 0)
    distinct, members = numbered(given)
    expected, inverse = np.unique(given, return_inverse=True)
    np.testing.assert_array_equal(distinct, expected)
    np.testing.assert_array_equal(members, inverse)
    assert members.dtype == np.int64
