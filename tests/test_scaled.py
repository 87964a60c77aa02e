"""Slopes by row that are multiplied as they are stored."""

import numpy as np
import pytest
from lossreg_losses.classes.cross_entropy import cross_entropy
from lossreg_losses.classes.multi_margin import multi_margin
from lossreg_losses.classes.nll import nll
from numba import njit

import lossreg
from lossreg.kernels.loops.scaled_slopes import only_stores
from lossreg.kernels.numerics.sums import total
from lossreg.plugin import ClassIndex, ClassRow, IgnoredLabel, Real, Row, Slope

RANDOM = np.random.default_rng(11)


def stores(x: ClassRow[Real], label: ClassIndex, slope: Slope, ignore_index: IgnoredLabel = -100) -> float:  # noqa: ARG001  the loop leaves such rows out
    """Some numbers: only stores its slopes."""
    T = type(x[0])
    value = -x[label]
    for c in range(len(x)):
        value += T(c) * x[c]
        slope[c] = T(c) * x[c] * x[c]
    slope[label] = -x[label]
    return value


def reads(x: ClassRow[Real], label: ClassIndex, slope: Slope, ignore_index: IgnoredLabel = -100) -> float:  # noqa: ARG001  the loop leaves such rows out
    """The same, but reads them back."""
    T = type(x[0])
    value = -x[label]
    for c in range(len(x)):
        value += T(c) * x[c]
        slope[c] = T(c) * x[c] * x[c]
    slope[label] = -x[label]
    slope[0] = slope[0]
    return value


def asks(x, slope):
    """Whether it is there, and how long it is."""
    if slope is not None and len(slope) > 1:
        slope[0] = x[0]
    return x[0]


def hands_on(x, slope):
    """To another function, which may read."""
    slope[0] = x[0]
    return total(slope)


def fills(x, row):
    """A row with a number, as a function that is compiled."""
    row[0] = x[0]


def passes_on(x, slope):
    """To another function, which only stores."""
    compiled_fills(x, slope)
    return x[0]


compiled_fills = njit(fills)


def renames(x, slope):
    """By another name."""
    other = slope
    other[0] = x[0]
    return other[0]


def stores_itself(x, slope):
    """A slope as what is stored."""
    x[0] = slope
    return x[0]


@pytest.mark.parametrize(
    ("function", "names", "expected"),
    [
        (stores, ("slope",), True),
        (asks, ("slope",), True),
        (asks, ("x",), False),
        (reads, ("slope",), False),
        (hands_on, ("slope",), False),
        (passes_on, ("slope",), True),
        (passes_on, ("x",), False),
        (renames, ("slope",), False),
        (stores_itself, ("slope",), False),
        (nll.forms[0].kernel, ("slope",), True),
        (multi_margin.forms[0].kernel, ("slope",), True),
        (cross_entropy.forms[0].kernel, ("slope",), False),
    ],
)
def test_kernels_that_only_store_slopes_are_distinguished_from_those_that_read_them(function, names, expected):
    assert only_stores(function, names) is expected


def slices(x: ClassRow[Real], label: ClassIndex, slope: Slope) -> float:
    """All at once."""
    slope[:] = x
    slope[label] = -x[label]
    return x[label]


def constant(x: ClassRow[Real], label: ClassIndex, slope: Slope) -> float:
    """At places that stand in the code."""
    T = type(x[0])
    for c in range(len(x)):
        slope[c] = T(0)
    slope[0], slope[-1] = x[0], x[1]
    return x[0] * x[0] + x[label]


def captures(x: ClassRow[Real], label: ClassIndex, slope: Slope) -> float:
    """In a function inside."""

    def store(c: int) -> None:
        slope[c] = x[c] * x[label]

    for c in range(len(x)):
        store(c)
    return x[label]


def two(x: Row[Real], y: Row[Real], x_slope: Slope, y_slope: Slope) -> float:
    """Two rows of slopes, of which one is read back."""
    T = type(x[0])
    value = T(0)
    for c in range(len(x)):
        value += x[c] * y[c]
        x_slope[c], y_slope[c] = y[c], x[c]
        y_slope[c] *= T(2)
    return value


@pytest.mark.slow  # 3 s of processor time
@pytest.mark.parametrize(
    ("kernel", "slope"),
    [
        (slices, lambda x, label: np.where(np.arange(len(x)) == label, -x, x)),
        (constant, lambda x, _: np.array([x[0], *np.zeros(len(x) - 2), x[1]])),
        (captures, lambda x, label: x * x[label]),
    ],
)
def test_rows_may_be_stored_to_in_any_way(kernel, slope):
    x, labels = RANDOM.normal(size=(7, 40)), RANDOM.integers(0, 40, 7)
    grad = lossreg.create(lossreg.plugin.loss(kernel)).grad(x, labels)
    for row, label, found in zip(x, labels, grad, strict=True):
        np.testing.assert_array_equal(found, slope(row, label) * (1 / 7))


def test_of_two_rows_of_slopes_one_may_be_read_back():
    x, y = RANDOM.normal(size=(2, 7, 40))
    by_x, by_y = lossreg.create(lossreg.plugin.loss(two)).grad(x, y)
    np.testing.assert_array_equal(by_x, y * (1 / 7))
    np.testing.assert_array_equal(by_y, 2 * x * (1 / 7))


@pytest.mark.slow  # 10 s of processor time
@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("classes", [3, 10, 77])
def test_multiplied_as_they_are_stored_or_afterwards_slopes_have_the_same_bits(kind, classes):
    logits, labels = RANDOM.normal(size=(50, classes)).astype(kind), RANDOM.integers(0, classes, 50)
    labels[::7] = -100
    weight, where = RANDOM.uniform(size=50).astype(kind), RANDOM.uniform(size=50) > 0.2
    weight[3] = 0
    for reduction in ("mean", "sum", "none", "batchmean"):
        for given in ({}, {"sample_weight": weight}, {"where": where}, {"sample_weight": weight, "where": where}):
            one, other = (
                lossreg.create(lossreg.plugin.loss(kernel), reduction=reduction).value_and_grad(logits, labels, **given)
                for kernel in (stores, reads)
            )
            np.testing.assert_array_equal(one[0], other[0])
            np.testing.assert_array_equal(one[1], other[1])
            assert np.any(one[1])
            over = logits.copy()
            into = lossreg.create(lossreg.plugin.loss(stores), reduction=reduction)
            into.value_and_grad(over, labels, out=over, **given)
            np.testing.assert_array_equal(over, one[1])
