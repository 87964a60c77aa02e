"""Checks of losses whose samples are coupled, in place of those of independent samples."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lossreg.definition.roles import Role
from lossreg.definition.signature import ANCHORS, BATCH, COUPLED_GROUPS, SAMPLES
from lossreg.errors import InvalidParameter
from lossreg.testing.batches import criterion_of, value_and_grad
from lossreg.testing.check import check_unless
from lossreg.testing.checks.reductions import reductions_of, samples_are_coupled, weights_of
from lossreg.testing.checks.validation import require_error
from lossreg.testing.comparison import as_tuple, near
from lossreg.testing.samples import add_repetitions, map_gradients, map_inputs, select

if TYPE_CHECKING:
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun

ORDER = np.array([4, 0, 5, 2, 1, 3])
REPEATS = np.array([1, 2, 0, 1, 2, 3])


def samples_are_independent(tested: LossUnderTest) -> str:
    """Return why a check of coupled samples does not apply, or nothing if it does."""
    return "" if samples_are_coupled(tested) else "its samples are independent"


def without_groups(tested: LossUnderTest) -> str:
    """Return why a check of groups does not apply, or nothing if it does."""
    return "" if any(case.coupling == COUPLED_GROUPS for case in tested.cases) else "it has no groups"


def without_weights(tested: LossUnderTest) -> str:
    """Return why a check of weights does not apply, or nothing if it does."""
    weighted = any(case.coupling and case.form.weight_axes for case in tested.cases)
    return "" if weighted else "its samples are independent, or have no weights"


@check_unless(samples_are_independent)
def order_of_samples_does_not_matter(tested: LossUnderTest, run: CheckRun) -> None:
    """Samples in another order give the same value, and their gradients in that order."""
    for case, arrays in tested.batches():
        for reduction in reductions_of(case):
            value, grads = value_and_grad(case, reduction)(*arrays)
            moved, of_moved = value_and_grad(case, reduction)(*select(case, arrays, ORDER))
            run.require(near(value, moved), f"{case}, reduction {reduction}: {value}, in another order {moved}")
            expected = map_gradients(case, as_tuple(grads), lambda x, axis: np.take(x, ORDER, axis))
            message = f"{case}, reduction {reduction}: the gradient in another order is not the same in that order"
            run.require(near(list(as_tuple(of_moved)), expected, 1e-10), message)


@check_unless(samples_are_independent)
def reductions_have_one_gradient(tested: LossUnderTest, run: CheckRun) -> None:
    """The sum is that of the values, and a mean and its gradient are those of the sum divided by the same number."""
    for case, arrays in tested.batches():
        total, slopes = value_and_grad(case, "sum")(*arrays)
        mean, grads = value_and_grad(case, "mean")(*arrays)
        if case.unreduced == "none":
            values, of_values = value_and_grad(case, "none")(*arrays)
            run.require(
                near(total, values.sum(), 1e-10), f"{case}: the sum is {total}, that of the values {values.sum()}"
            )
            run.require(near(slopes, of_values), f"{case}: the gradients of the sum and of the values differ")
        for slope, grad in zip(as_tuple(slopes), as_tuple(grads), strict=True):
            message = f"{case}: the mean {mean} and its gradient are not the sum {total} and its, divided by one number"
            run.require(near(slope * mean, grad * total, 1e-9), message)


@check_unless(without_weights)
def weights_count_as_declared(tested: LossUnderTest, run: CheckRun) -> None:
    """A multiplicity of 2 is the sample twice; the weight of an anchor or a group multiplies its value."""
    for case, arrays in tested.batches():
        if case.form.weight_axes is None:
            continue
        reduced = value_and_grad(case, "sum")
        if case.coupling == BATCH or case.form.multiplicity:
            if not case.coupling:
                continue  # by pixel: no sample counts twice, and weights say how much its pixels count
            value, grads = reduced(*arrays, sample_weight=REPEATS.astype(float))
            repeated = map_inputs(case, arrays, lambda x, axis: np.repeat(x, REPEATS, axis))
            expected, each = reduced(*repeated)
            added = map_gradients(case, as_tuple(each), partial(add_repetitions, REPEATS))
            run.require(near(value, expected, 1e-10), f"{case}: with weights {value}, with samples repeated {expected}")
            run.require(near(list(as_tuple(grads)), added, 1e-10), f"{case}: the gradient is not that of repetitions")
        elif case.coupling in {ANCHORS, COUPLED_GROUPS}:
            weights = weights_of(case, arrays)["sample_weight"]
            values = criterion_of(case, "none")(*arrays)
            own = weights
            if case.coupling == COUPLED_GROUPS:
                groups = next(x for x, e in zip(arrays, case.form.inputs, strict=True) if e.role is Role.GROUP)
                own = weights[np.unique(groups, return_index=True)[1]]
            own = own.reshape(-1, *(1,) * (values.ndim - 1))
            value = criterion_of(case, "sum")(*arrays, sample_weight=weights)
            run.require(near(value, (values * own).sum(), 1e-10), f"{case}: a weight does not multiply its value")


@check_unless(without_groups)
def groups_do_not_mix(tested: LossUnderTest, run: CheckRun) -> None:
    """The value and gradient of each group are those of the group alone."""
    for case, arrays in tested.batches():
        if case.coupling != COUPLED_GROUPS:
            continue
        groups = next(x for x, e in zip(arrays, case.form.inputs, strict=True) if e.role is Role.GROUP)
        values, grads = value_and_grad(case, "none")(*arrays)
        for value, group in zip(values, np.unique(groups), strict=True):
            alone, of_alone = value_and_grad(case, "none")(*select(case, arrays, groups == group))
            run.require(near(value, alone[0]), f"{case}: the value of a group is {value}, and {alone[0]} alone")
            own = map_gradients(case, as_tuple(grads), lambda x, axis: np.compress(groups == group, x, axis))  # noqa: B023
            run.require(near(own, list(as_tuple(of_alone))), f"{case}: the gradient of a group is not that of it alone")


@check_unless(lambda tested: "" if any(case.coupling for case in tested.cases) else "its samples are independent")
def meaningless_options_are_refused(tested: LossUnderTest, run: CheckRun) -> None:
    """A denominator, batchmean, and none for a single value are refused where samples are coupled."""
    for case, arrays in tested.batches():
        if not case.coupling:
            continue
        call = partial(criterion_of(case), *arrays, denominator=2.0)
        require_error(run, call, InvalidParameter, ("denominator",), f"{case}: a denominator")
        refused = ["batchmean"] + ["none"] * (case.form.value_axes == (SAMPLES,) and case.coupling == BATCH)
        for reduction in refused:
            call = partial(criterion_of, case, reduction)
            require_error(run, call, InvalidParameter, (reduction,), f"{case}: the reduction {reduction}")
