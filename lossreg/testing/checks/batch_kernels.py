"""Checks of kernels that take whole batches, in place of the checks of single points."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lossreg.testing.batches import value_and_grad
from lossreg.testing.cases import SEED
from lossreg.testing.check import check_unless
from lossreg.testing.checks.reductions import reductions_of, weights_of
from lossreg.testing.comparison import as_list, as_tuple
from lossreg.testing.evaluation import not_for_batch_kernels
from lossreg.testing.samples import MASK

if TYPE_CHECKING:
    from lossreg.testing.cases import Array, LossCase
    from lossreg.testing.loss_under_test import Level, LossUnderTest
    from lossreg.testing.results import CheckRun

STEP = 1e-5
"""The step of the differences: their error is its square, and 1e-16 divided by it."""
NUMBERS = 8
"""How many numbers of an input are moved by a step."""
FLOAT32_ULPS = 64
"""How far float32 may be from float64, in units in the last place: a result is a sum of few products."""


def only_for_batch_kernels(tested: LossUnderTest) -> str:
    """Return why a check of batch kernels does not apply, or nothing if it does: other checks are exact."""
    return "" if not_for_batch_kernels(tested) else "other checks are exact"


@check_unless(only_for_batch_kernels)
def float32_agrees_with_float64(tested: LossUnderTest, run: CheckRun) -> None:
    """Results in float32 are those in float64, up to 64 units in the last place of the largest number."""
    for case, arrays in tested.batches():
        rounded = [x if x.dtype.kind in "iu" else x.astype(np.float32) for x in arrays]
        wide = [x if x.dtype.kind in "iu" else x.astype(np.float64) for x in rounded]
        found, expected = value_and_grad(case, case.unreduced)(*rounded), value_and_grad(case, case.unreduced)(*wide)
        for x, y in zip(as_list(found), as_list(expected), strict=True):
            finite = np.isfinite(y)
            unit = float(np.finfo(np.float32).eps) * float(np.max(abs(y[finite]), initial=1e-30))
            error = float(np.max(abs(x - y)[finite], initial=0.0)) / unit
            close = np.array_equal(finite, np.isfinite(x)) and error <= FLOAT32_ULPS
            run.require(close, f"{case}: float32 is {error:.3g} units in the last place from float64")


@check_unless(only_for_batch_kernels)
def gradient_matches_differences(tested: LossUnderTest, run: CheckRun) -> None:
    """For every reduction, with weights and a mask, the gradient matches finite differences of the reported value."""
    for case, arrays in tested.batches():
        compare_with_differences(case, arrays, run, tested.level)


def compare_with_differences(case: LossCase, arrays: list[Array], run: CheckRun, level: Level) -> None:
    """Compare some numbers of each gradient with central differences."""
    for reduction in reductions_of(case) if level == "full" else ("mean",):
        options = {**weights_of(case, arrays), "where": MASK} if level == "full" else {}
        reduced = partial(value_and_grad(case, reduction), **options)
        grads = dict(zip(case.form.slopes, as_tuple(reduced(*arrays)[1]), strict=True))
        for index, entry in enumerate(case.form.inputs):
            places = list(np.ndindex(arrays[index].shape if entry.name in grads else (0,)))
            for at in np.random.default_rng(SEED).permutation(places)[:NUMBERS].tolist() if places else ():
                sides = []
                for step in (-STEP, STEP):
                    moved = [x.copy() for x in arrays]
                    moved[index][tuple(at)] += step
                    sides.append(float(reduced(*moved)[0]))
                found, expected = grads[entry.name][tuple(at)], (sides[1] - sides[0]) / (2 * STEP)
                message = (
                    f"{case}, reduction {reduction}: the gradient of {entry.name} at {at} is {found:g}, "
                    f"but the reported value changes by {expected:g}"
                )
                run.require(np.isclose(found, expected, rtol=1e-6, atol=1e-8), message)
