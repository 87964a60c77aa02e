"""Checks of batch kernels, in place of those of single points."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lossreg.testing.checks.arrays import DIVIDED, WEIGHTS, as_list
from lossreg.testing.checks.check import check_unless
from lossreg.testing.points import SEED
from lossreg.testing.samples import MASK
from lossreg.testing.subject import as_tuple, by_arrays, fused

if TYPE_CHECKING:
    from lossreg.testing.points import Array, Case
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject

STEP = 1e-5
"""What a number is moved by: the differences are exact to its square, and to 1e-16 / 1e-5."""
SOME = 8
"""How many numbers of an input are moved."""
APART = 64
"""How many units float32 may be from float64: sums of products, of few numbers."""


@check_unless(lambda subject: "" if by_arrays(subject) else "other checks tell exactly")
def types_agree(subject: Subject, trial: Trial) -> None:
    """Results in float32 are those in float64, up to 64 units in the last place of the largest number."""
    for case, arrays in subject.batches():
        rounded = [x if x.dtype.kind in "iu" else x.astype(np.float32) for x in arrays]
        wide = [x if x.dtype.kind in "iu" else x.astype(np.float64) for x in rounded]
        found, expected = fused(case, "none")(*rounded), fused(case, "none")(*wide)
        for x, y in zip(as_list(found), as_list(expected), strict=True):
            finite = np.isfinite(y)
            unit = float(np.finfo(np.float32).eps) * float(np.max(abs(y[finite]), initial=1e-30))
            error = float(np.max(abs(x - y)[finite], initial=0.0)) / unit
            trial.require(np.array_equal(finite, np.isfinite(x)) and error <= APART, f"{case}: {error:.3g} units apart")


@check_unless(lambda subject: "" if by_arrays(subject) else "other checks tell exactly")
def gradient_follows_differences(subject: Subject, trial: Trial) -> None:
    """For every reduction, with weights and a mask, the gradient is by how much the number reported changes."""
    for case, arrays in subject.batches():
        compare(case, arrays, trial)


def compare(case: Case, arrays: list[Array], trial: Trial) -> None:
    """Move some numbers of each input, one at a time."""
    for reduction in DIVIDED:
        reduced = partial(fused(case, reduction), sample_weight=WEIGHTS, where=MASK)
        grads = dict(zip(case.form.slopes, as_tuple(reduced(*arrays)[1]), strict=True))
        for position, entry in enumerate(case.form.inputs):
            places = list(np.ndindex(arrays[position].shape if entry.name in grads else (0,)))
            for at in np.random.default_rng(SEED).permutation(places)[:SOME].tolist() if places else ():
                sides = []
                for step in (-STEP, STEP):
                    moved = [x.copy() for x in arrays]
                    moved[position][tuple(at)] += step
                    sides.append(float(reduced(*moved)[0]))
                found, expected = grads[entry.name][tuple(at)], (sides[1] - sides[0]) / (2 * STEP)
                told = f"{case}, reduction {reduction}: the gradient of {entry.name} at {at} is {found:g}"
                fine = np.isclose(found, expected, rtol=1e-6, atol=1e-8)
                trial.require(fine, f"{told}, but the number reported changes by {expected:g}")
