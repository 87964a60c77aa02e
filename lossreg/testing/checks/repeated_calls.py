"""Checks of repeated calls, which run a cached plan, and of empty and single samples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lossreg.errors import InvalidInput
from lossreg.testing.batches import batch, criterion_of, inputs_with_gradient, value_and_grad
from lossreg.testing.check import check, check_unless
from lossreg.testing.checks.reductions import REDUCTIONS, reductions_of, samples_are_coupled
from lossreg.testing.checks.validation import candidates, require_error, with_number
from lossreg.testing.comparison import as_tuple, near, same
from lossreg.testing.samples import select

if TYPE_CHECKING:
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun


@check
def repeated_calls_agree(tested: LossUnderTest, run: CheckRun) -> None:
    """A repeated call gives what a first call gives for the same numbers, and rejects what a first call rejects."""
    for case in tested.default_cases:
        arrays = batch(case, (6,))
        others = [x[::-1].copy() for x in arrays] if not case.form.by_batch else arrays
        for reduction in reductions_of(case):
            repeated, first = criterion_of(case, reduction), criterion_of(case, reduction)
            buffers = tuple(np.empty_like(x) for x in inputs_with_gradient(case, arrays))
            repeated.value_and_grad(*arrays), repeated(*arrays)
            expected = first.value_and_grad(*others)
            subject = f"{case}, reduction {reduction}: a repeated call gives"
            found = repeated.value_and_grad(*others)
            run.require(same(found, expected), f"{subject} {found[0]!r}, the first gives {expected[0]!r}")
            run.require(same(repeated(*others), expected[0]), f"{subject} another value without its gradient")
            filled = repeated.value_and_grad(*others, out=buffers[: len(as_tuple(expected[1]))])
            run.require(same(filled, expected), f"{subject} another gradient in out")
        call = criterion_of(case).value_and_grad
        call(*arrays)
        for index, entry in enumerate(case.form.inputs):
            for x in (x for x, inside in candidates(case, index) if not inside):
                given, _ = with_number(arrays, index, x)
                subject = f"{case}: {entry.name} of {x} in a repeated call"
                require_error(run, partial(call, *given), InvalidInput, (entry.name,), subject)


@check_unless(samples_are_coupled)
def empty_and_single_inputs_work(tested: LossUnderTest, run: CheckRun) -> None:
    """The loss of no samples is 0, the mean of one sample is its value, and a point need not be in an array of one."""
    for case in tested.default_cases:
        arrays = batch(case, (1,))
        value, grads = value_and_grad(case, "none")(*arrays)
        for reduction in REDUCTIONS[:2]:
            single = value_and_grad(case, reduction)(*arrays)
            message = f"{case}, reduction {reduction}: one sample gives {single[0]}, expected {value[0]}"
            run.require(near(single[0], value[0]), message)
        point = value_and_grad(case, "none")(*select(case, arrays, 0))
        run.require(np.shape(point[0]) == (), f"{case}: a single point has a loss of shape {np.shape(point[0])}")
        equal = near(point[0], value[0]) and near(
            [x.ravel() for x in as_tuple(point[1])], [x.ravel() for x in as_tuple(grads)]
        )
        run.require(equal, f"{case}: a single point gives {point}, an array of one {value, grads}")
        empty = select(case, arrays, slice(0, 0))
        for reduction in ("none", *REDUCTIONS):
            value, grads = value_and_grad(case, reduction)(*empty)
            shapes = [x.shape for x in as_tuple(grads)] == [x.shape for x in inputs_with_gradient(case, empty)]
            zero = np.size(value) == 0 if reduction == "none" else value == 0
            run.require(zero and shapes, f"{case}, reduction {reduction}: no samples give {value!r}")
