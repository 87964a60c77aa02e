"""Checks of reductions and types: reduced values, their gradients, and the types of results."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.roles import Role
from lossreg.definition.signature import COUPLED_GROUPS
from lossreg.testing.batches import batch, criterion_of, value_and_grad
from lossreg.testing.check import check, check_unless
from lossreg.testing.checks.accuracy import exact_parameters
from lossreg.testing.checks.derivatives import derivatives_of_batch
from lossreg.testing.comparison import as_tuple, near, same
from lossreg.testing.evaluation import ignored_label, not_for_batch_kernels
from lossreg.testing.samples import MASK, divide, lengths, map_gradients

if TYPE_CHECKING:
    from lossreg.testing.cases import Array, LossCase
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun

# All checks have the same weights, mask and type, so that few loops have to be compiled.
WEIGHTS = np.array([1.0, 2.0, 0.0, 1.0, 2.0, 0.5])
FLOATS: tuple[Any, ...] = (np.float16, np.float32, np.float64)
REDUCTIONS = ("sum", "mean", "batchmean")


def samples_are_coupled(tested: LossUnderTest) -> str:
    """Return why a check of independent samples does not apply, or nothing if it does."""
    return "" if all(form.plain for form in tested.loss.forms if form.by_batch) else "other checks are for its values"


def reductions_of(case: LossCase) -> tuple[str, ...]:
    """Return the reductions of a case to one number."""
    return REDUCTIONS[:2] if case.coupling else REDUCTIONS


def weights_of(case: LossCase, arrays: list[Array]) -> dict[str, Array]:
    """Return the sample weights of a batch as an argument: one for each group, and none if none are taken."""
    if case.form.weight_axes is None:
        return {}
    groups = [x for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.role is Role.GROUP]
    by_group = case.coupling == COUPLED_GROUPS and not case.form.multiplicity
    return {"sample_weight": WEIGHTS[groups[0] % len(WEIGHTS)] if by_group else WEIGHTS}


@check
def kernels_compile(tested: LossUnderTest, run: CheckRun) -> None:
    """Every form compiles for float32 and float64, and can be called; quick finds the types of its numbers only."""
    for case in tested.default_cases:
        if tested.level == "quick" and not case.form.by_batch:
            tested.widened(case, np.float32)
            run.points += 1
            continue
        for real in FLOATS[1:] if tested.level == "full" else (np.float64,):
            value_and_grad(case)(*batch(case, (6,), real))
            run.points += 1


@check
def dtypes_are_preserved(tested: LossUnderTest, run: CheckRun) -> None:
    """Results are float16, float32 or float64 as the inputs are, and a kernel computes in the type of its inputs."""
    for case in (case for case in tested.default_cases if not case.form.by_batch):
        for real in FLOATS[1:] if tested.level == "full" else (np.float32,):
            found = tested.widened(case, real)
            run.require(
                not found, f"{case}: computes in another type: {'; '.join(found)}; write T = type(x) and T(0.5)"
            )
    for case in (case for case in tested.default_cases if case.form.by_batch or tested.level == "full"):
        for real in FLOATS if tested.level == "full" else (np.float64,):
            arrays = batch(case, (6,), real)
            value, grads = value_and_grad(case, case.unreduced)(*arrays)
            types = {np.asarray(x).dtype for x in (value, *as_tuple(grads))}
            names = ", ".join(map(str, types))
            run.require(types == {np.dtype(real)}, f"{case}: inputs of {np.dtype(real)} give results of {names}")
            reduced = value_and_grad(case, "mean")(*arrays)[0]
            run.require(reduced.dtype == real, f"{case}: inputs of {np.dtype(real)} give a mean of {reduced.dtype}")


@check_unless(samples_are_coupled)
def reductions_are_consistent(tested: LossUnderTest, run: CheckRun) -> None:
    """Sum, mean and batchmean reduce the values of none; a value has the same bits with and without a gradient."""
    for case, arrays in tested.batches():
        values, slopes = value_and_grad(case, "none")(*arrays)
        unreduced = criterion_of(case, "none")
        equal = same(unreduced(*arrays), unreduced.value_and_grad(*arrays)[0])
        run.require(equal, f"{case}: values differ from those with a gradient")
        mean = mean_divisor(case, arrays)
        divisors = {"sum": 1.0, "mean": mean, "batchmean": mean * len(values) / values.size}
        sample_lengths = lengths(case, arrays)
        for reduction, divisor in divisors.items():
            value, grads = value_and_grad(case, reduction)(*arrays)
            reduced = criterion_of(case, reduction)
            alone, joint = reduced(*arrays), reduced.value_and_grad(*arrays)[0]
            by_length = sample_lengths if reduction == "mean" else np.ones(len(values))
            expected = (values.T / by_length).sum() / divisor if divisor else 0.0
            subject = f"{case}, reduction {reduction}"
            run.require(near(value, expected), f"{subject}: {value}, but the values give {expected}")
            by_sample = map_gradients(case, as_tuple(slopes), partial(divide, by_length))
            scaled = [slope / divisor if divisor else slope * 0 for slope in by_sample]
            run.require(
                near(grads, scaled), f"{subject}: the gradient is not that of the values, divided by {divisor:g}"
            )
            run.require(same(alone, joint), f"{subject}: {alone!r} alone, {joint!r} with its gradient")


def mean_divisor(case: LossCase, arrays: list[Array]) -> float:
    """Return what a mean divides by: the number of values, or the class weights of the labels that are not ignored."""
    settings = case.parameters_for(case.width)
    weights = [settings[p.name] for p in case.form.parameters if p.role is Role.WEIGHT]
    ignored = ignored_label(case.form)
    labels = [x for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.role is Role.LABEL]
    if case.form.by_batch and not weights:
        return 6.0
    if not labels:
        elements = [x.size for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.axis is None]
        return float(next(iter(elements), len(arrays[0])) * prod(weights))
    rows = [np.broadcast_to(weight, case.width) for weight in weights]
    kept = labels[0] if ignored is None else labels[0][labels[0] != settings[ignored]]
    return float(prod((row[kept] for row in rows), start=np.ones(kept.size)).sum())


@check_unless(not_for_batch_kernels)
def gradient_matches_the_reported_value(tested: LossUnderTest, run: CheckRun) -> None:
    """For every reduction, with weights and a mask, the gradient is the derivative of exactly the value reported."""
    for case, arrays in tested.batches():
        parameters = exact_parameters(case, case.width, np.float64)
        values, derivatives = derivatives_of_batch(case, arrays, parameters)
        shares = np.where(MASK, WEIGHTS, 0.0)
        total = float(np.sum(values[shares > 0] * shares[shares > 0]))
        for reduction in REDUCTIONS if np.isfinite(total) else ():
            value, grads = value_and_grad(case, reduction)(*arrays, sample_weight=WEIGHTS, where=MASK)
            scale = float(value) / total if total else 0.0
            for grad, derivative in zip(as_tuple(grads), derivatives, strict=True):
                expected = derivative * shares.reshape(-1, *(1,) * (grad.ndim - 1)) * scale
                message = (
                    f"{case}, reduction {reduction}: the value reported is {float(value):g}, with gradient "
                    f"{grad.ravel()[:3]}, expected {expected.ravel()[:3]}"
                )
                run.require(near(grad, expected, 1e-10), message)
