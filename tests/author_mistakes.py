"""Kernels with mistakes, each compiled and called in a process of its own, so that a crash or a hang is seen.

python tests/author_mistakes.py     # prints, as JSON by name, the exit code and what came out
"""

# ruff: noqa: ARG001  many kernels here do not use what they are given, which is the mistake

import json
import math
import os
import signal
import sys
from functools import partial
from typing import Annotated

import numpy as np

import lossreg
from lossreg.criterion.criterion import Criterion
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    ClassRow,
    Real,
    Row,
    SampleWeight,
    Slope,
    Slopes,
    each,
)

SECONDS = 120
"""How long a child may take: one that hangs is ended by a signal."""
ROWS = np.arange(6.0).reshape(2, 3)
Samples = Annotated[Array, Axes("N D")]
STATE = []


def reads_outside(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    return x[3]


def writes_outside(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    slope[len(x)] = 2.0
    return x[0]


def reads_before_the_row(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    return x[-4]


def writes_behind_the_label(x: ClassRow[Real], label: ClassIndex, slope: Slope):
    for j in range(len(x)):
        slope[j] = 0.0
    slope[label + 1] = 1.0
    return x[label]


def reads_at_twice_the_label(x: ClassRow[Real], label: ClassIndex, slope: Slope):
    for j in range(len(x)):
        slope[j] = 0.0
    return x[label * 2]


def fills_one_slope(x: Row[Real], slope: Slope):
    slope[0] = 1.0
    return x[0]


def fills_no_slope(x: Row[Real], slope: Slope):
    return x[0]


def fills_a_list_of_its_own(x: Row[Real], slope: Slope):
    slope = [1.0 for _ in x]
    return x[0] + 0 * slope[0]


def fills_slopes_in_one_branch(x: Row[Real], slope: Slope):
    if x[0] > 1:
        for j in range(len(x)):
            slope[j] = 1.0
    return x[0]


def adds_to_unfilled_slopes(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] += 1.0
    return x[0]


def is_for_two_numbers(x: Row[Real], slope: Slope):
    slope[0], slope[1] = 1.0, -1.0
    return x[0] - x[1]


def writes_to_its_input(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
        x[j] = 2 * x[j]
    return x[0]


def returns_nothing(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0


def returns_nothing_in_one_branch(x: Row[Real], slope: Slope):  # noqa: RET503  which is the point
    for j in range(len(x)):
        slope[j] = 1.0
    if x[0] > 1:
        return x[0]


def returns_a_pair(x: Row[Real], slope: Slope):
    outcome = (x[0], 1.0)
    for j in range(len(x)):
        slope[j] = 1.0
    return outcome


def returns_its_row(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    return x


def returns_text(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    return "x"


def stores_text(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = "1"
    return x[0]


def has_an_index_that_is_no_integer(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    return x[len(x) / 2]


def appends_slopes(x: Row[Real], slope: Slope):
    for _ in range(len(x)):
        slope.append(1.0)
    return x[0]


def never_ends(x: Row[Real], slope: Slope):
    j = 0
    while j < len(x):
        slope[j] = 1.0
    return x[0]


def calls_itself(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    return calls_itself(x, slope)


def uses_an_unknown_name(x: Row[Real], slope: Slope):
    for j in range(len(x)):
        slope[j] = 1.0
    return x[0] + unknown  # noqa: F821  which is the point


def raises(x: Real, y: Real):
    if x < 0:
        raise ValueError(f"negative {x}")
    return x - y, 1.0


def prints(x: Real, y: Real):
    print("x is", x)  # noqa: T201  which is the point
    return x - y, 1.0


def returns_fewer_than_declared(x: Real, y: Real) -> tuple[float, float, float]:
    return x - y, 1.0


def returns_more_than_declared(x: Real, y: Real) -> tuple[float, float]:
    return x - y, 1.0, -1.0


def returns_more_in_one_branch(x: Real, y: Real) -> tuple[float, float]:
    if x > y:
        return x, 1.0
    return x, 1.0, 2.0


def returns_complex_numbers(x: Real, y: Real):
    return (x - y) * 1j, 1.0


def changes_a_global(x: Real, y: Real):
    STATE.append(x)
    return x - y, 1.0


def divides_by_zero(x: Real, y: Real):
    return 1 / (y - y), 1.0


def takes_the_logarithm_of_minus_one(x: Real, y: Real):
    return math.log(y - y - 1), 1.0


def batch_of_one_number(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    for slope in slopes.values():
        slope[...] = 1
    return (x.sum(1) * sample_weight).sum()


def batch_of_another_shape(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    for slope in slopes.values():
        slope[...] = 1
    return x


def batch_of_nothing(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    for slope in slopes.values():
        slope[...] = 1
    values = None
    return values  # noqa: RET504  a name says nothing of what is returned


def batch_without_slopes(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    return x.sum(1) * sample_weight


def batch_with_another_array(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    slopes["x"] = np.ones_like(x)
    return x.sum(1) * sample_weight


def batch_with_slopes_in_any_case(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    slopes["x"][...] = 1
    return x.sum(1) * sample_weight


def batch_that_writes_to_its_input(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    x *= 2
    for slope in slopes.values():
        slope[...] = 1
    return x.sum(1) * sample_weight


def batch_with_an_index_outside(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    for slope in slopes.values():
        slope[...] = 1
    return x[:, 7] * sample_weight


def batch_whose_loop_writes_outside(x: Samples, sample_weight: SampleWeight, slopes: Slopes):
    values = np.empty(len(x))
    each(fill_two, len(x), x, values)
    for slope in slopes.values():
        slope[...] = 1
    return values


def fill_two(i, x, values):
    values[i] = x[i, 0]
    values[i + 1] = 0.0


LABELLED = (writes_behind_the_label, reads_at_twice_the_label)
BY_ELEMENT = (
    *(raises, prints, returns_fewer_than_declared, returns_more_than_declared, returns_more_in_one_branch),
    *(returns_complex_numbers, changes_a_global, divides_by_zero, takes_the_logarithm_of_minus_one),
)
OTHERS = (
    *(reads_outside, writes_outside, reads_before_the_row, fills_one_slope, fills_no_slope, fills_a_list_of_its_own),
    *(fills_slopes_in_one_branch, adds_to_unfilled_slopes, is_for_two_numbers, writes_to_its_input, returns_nothing),
    *(returns_nothing_in_one_branch, returns_a_pair, returns_its_row, returns_text, stores_text),
    *(has_an_index_that_is_no_integer, appends_slopes, never_ends, calls_itself, uses_an_unknown_name),
    *(batch_of_one_number, batch_of_another_shape, batch_of_nothing, batch_without_slopes, batch_with_another_array),
    *(batch_with_slopes_in_any_case, batch_that_writes_to_its_input, batch_with_an_index_outside),
    batch_whose_loop_writes_outside,
)


def arrays_for(kernel):
    """The arrays that a kernel is called with."""
    if kernel in BY_ELEMENT:
        return [np.array([1.0, -2.0]), np.array([0.0, 0.5])]
    return [ROWS.copy(), np.array([0, 2])] if kernel in LABELLED else [ROWS.copy()]


def call(kernel):
    """The value and gradient of a kernel's loss, or the message of the error that lossreg raises on purpose."""
    arrays = arrays_for(kernel)
    try:
        criterion = Criterion(lossreg.plugin.loss(kernel))
        (value, grad), again = criterion.value_and_grad(*arrays), criterion(*arrays)
    except lossreg.LossregError as error:
        return f"{type(error).__name__}: {error}"
    assert np.array_equal(value, again, equal_nan=True)
    return f"value {value}, gradient {np.asarray(grad).tolist()}"


def in_a_child(calling):
    """The exit code of a process that calls a function, negative for a signal, and what it wrote or returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        signal.alarm(SECONDS)
        os.close(reading)
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        try:
            os.write(writing, calling().encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


if __name__ == "__main__":
    mistakes = (*LABELLED, *BY_ELEMENT, *OTHERS)
    json.dump({kernel.__name__: in_a_child(partial(call, kernel)) for kernel in mistakes}, sys.stdout)
