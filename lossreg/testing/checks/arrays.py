"""Checks on arrays: types, reductions, weights, masks, denominators and labels.

The weights and masks of one check are those of the others, as is the type, so that few loops have to be compiled.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.roles import Role
from lossreg.kernels.loops.precision import widened
from lossreg.testing.checks.check import check, check_unless
from lossreg.testing.checks.derivatives import derivatives_of
from lossreg.testing.checks.exactness import exact
from lossreg.testing.samples import (
    MASK,
    divided,
    gathered,
    ignore,
    lengths,
    of_samples,
    of_slopes,
    pick,
    place,
    spoil,
    with_gaps,
)
from lossreg.testing.subject import (
    WIDTH,
    as_tuple,
    batch,
    by_arrays,
    criterion,
    fused,
    has_labels,
    ignored_label,
)

if TYPE_CHECKING:
    from lossreg.testing.points import Array, Case
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject

WEIGHTS = np.array([1.0, 2.0, 0.0, 1.0, 2.0, 0.5])
KINDS: tuple[Any, ...] = (np.float16, np.float32, np.float64)
DIVIDED = ("sum", "mean", "batchmean")


def near(x: Any, y: Any, slack: float = 1e-12) -> bool:
    """Whether two results of float64 are equal up to the order in which they were added."""
    return all(
        np.allclose(a, b, rtol=slack, atol=slack * 1e-3, equal_nan=True)
        for a, b in zip(as_list(x), as_list(y), strict=True)
    )


def same(x: Any, y: Any) -> bool:
    """Whether two results have the same bits, the sign of 0 and which nan apart, and the same types."""
    pairs = zip(as_list(x), as_list(y), strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True) for a, b in pairs)


def as_list(result: Any) -> list[Array]:
    """The value and gradients, or either, as arrays."""
    parts = result if isinstance(result, tuple | list) else (result,)
    return [array for part in parts for array in (as_list(part) if isinstance(part, tuple) else [np.asarray(part)])]


def graded(case: Case, arrays: list[Array]) -> list[Array]:
    """The arrays that get a gradient."""
    return [x for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.name in case.form.slopes]


@check
def types_are_kept(subject: Subject, trial: Trial) -> None:
    """float16, float32 and float64 come out as they came in, and a kernel computes in the type of its inputs."""
    for case in (case for case in subject.defaults if not case.form.by_batch):
        for real in KINDS[1:]:
            found = widened(case.form, np.dtype(real), case.parameters)
            trial.require(not found, f"{case}: computes in another type: {'; '.join(found)}; write T = type(x), T(0.5)")
    for case in subject.defaults:
        for real in KINDS:
            arrays = batch(case, (6,), real)
            value, grads = fused(case, "none")(*arrays)
            kinds = {np.asarray(x).dtype for x in (value, *as_tuple(grads))}
            trial.require(
                kinds == {np.dtype(real)}, f"{case}: {np.dtype(real)} came in, {', '.join(map(str, kinds))} came out"
            )
            reduced = fused(case, "mean")(*arrays)[0]
            trial.require(reduced.dtype == real, f"{case}: {np.dtype(real)} came in, a {reduced.dtype} mean came out")


@check
def reductions_agree(subject: Subject, trial: Trial) -> None:
    """Sum, mean and batchmean are the values of none, reduced; a value alone has the bits of one with its gradient."""
    for case, arrays in subject.batches():
        values, slopes = fused(case, "none")(*arrays)
        each = criterion(case, "none")
        alike = same(each(*arrays), each.value_and_grad(*arrays)[0])
        trial.require(alike, f"{case}: values differ from those with a gradient")
        divisors = {
            "sum": 1.0,
            "mean": share(case, arrays),
            "batchmean": share(case, arrays) * len(values) / values.size,
        }
        long = lengths(case, arrays)
        for reduction, divisor in divisors.items():
            value, grads = fused(case, reduction)(*arrays)
            reduced = criterion(case, reduction)
            alone, joint = reduced(*arrays), reduced.value_and_grad(*arrays)[0]
            apart = long if reduction == "mean" else np.ones(len(values))
            expected = (values.T / apart).sum() / divisor if divisor else 0.0
            told = f"{case}, reduction {reduction}"
            trial.require(near(value, expected), f"{told}: {value}, but {expected} from the values")
            by_sample = of_slopes(case, as_tuple(slopes), partial(divided, apart))
            scaled = [slope / divisor if divisor else slope * 0 for slope in by_sample]
            trial.require(
                near(grads, scaled), f"{told}: the gradient is not that of the values, divided by {divisor:g}"
            )
            trial.require(same(alone, joint), f"{told}: {alone!r} alone, {joint!r} with its gradient")


def share(case: Case, arrays: list[Array]) -> float:
    """What a mean over a batch divides by: the weights of the labels, where the loss has such, of rows not ignored."""
    settings = case.settings(WIDTH)
    weights = [settings[p.name] for p in case.form.parameters if p.role is Role.WEIGHT]
    ignored = ignored_label(case.form)
    labels = [x for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.role is Role.LABEL]
    if case.form.by_batch and not weights:
        return 6.0
    if not labels:
        whole = next(
            (x.size for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.axis is None), len(arrays[0])
        )
        return float(whole * prod(weights))
    rows = [np.broadcast_to(weight, WIDTH) for weight in weights]
    kept = labels[0] if ignored is None else labels[0][labels[0] != settings[ignored]]
    return float(prod((row[kept] for row in rows), start=np.ones(kept.size)).sum())


@check_unless(by_arrays)
def gradient_is_of_the_number_reported(subject: Subject, trial: Trial) -> None:
    """For every reduction, with weights and a mask, the gradient is the derivative of the very number that is given."""
    for case, arrays in subject.batches():
        parameters = exact(case, WIDTH, np.float64)
        values, derivatives = derivatives_of(case, arrays, parameters)
        shares = np.where(MASK, WEIGHTS, 0.0)
        total = float(np.sum(values[shares > 0] * shares[shares > 0]))
        for reduction in DIVIDED if np.isfinite(total) else ():
            value, grads = fused(case, reduction)(*arrays, sample_weight=WEIGHTS, where=MASK)
            scale = float(value) / total if total else 0.0
            for grad, derivative in zip(as_tuple(grads), derivatives, strict=True):
                weights = shares.reshape(-1, *(1,) * (grad.ndim - 1))
                told = f"{case}, reduction {reduction}: the number reported is {float(value):g}, with gradient"
                expected = derivative * weights * scale
                trial.require(
                    near(grad, expected, 1e-10), f"{told} {grad.ravel()[:3]}, expected {expected.ravel()[:3]}"
                )


@check
def weights_count_samples(subject: Subject, trial: Trial) -> None:
    """Weight 2 is the sample twice, weight 0 is no sample, even of nan."""
    repeats = np.array([1, 2, 0, 1, 2, 3])
    for case, arrays in subject.batches():
        spoilt = of_samples(case, arrays, partial(spoil, repeats == 0))
        repeated = of_samples(case, arrays, lambda x, axis: np.repeat(x, repeats, axis))
        for reduction in DIVIDED[:2]:
            reduced = fused(case, reduction)
            value, grads = reduced(*spoilt, sample_weight=repeats.astype(float))
            expected, each = reduced(*repeated)
            told = f"{case}, reduction {reduction}: with weights {repeats.tolist()}"
            trial.require(near(value, expected), f"{told} {value}, with samples repeated {expected}")
            added = of_slopes(case, as_tuple(each), partial(gathered, repeats))
            for grad, of_repeated in zip(as_tuple(grads), added, strict=True):
                trial.require(near(grad, of_repeated), f"{told} the gradient is not that of the samples repeated")


@check
def masks_delete(subject: Subject, trial: Trial) -> None:
    """What is masked might as well not be there, be it nan, inf or out of range; all masked is 0 with gradient 0."""
    for case, arrays in subject.batches():
        spoilt = of_samples(case, arrays, partial(spoil, ~MASK))
        kept = pick(case, arrays, MASK)
        for reduction in DIVIDED:
            reduced = fused(case, reduction)
            value, grads = reduced(*spoilt, where=MASK)
            expected, rest = reduced(*kept)
            told = f"{case}, reduction {reduction}"
            trial.require(near(value, expected), f"{told}: {value} masked, {expected} deleted")
            found = of_slopes(case, as_tuple(grads), lambda x, axis: np.compress(MASK, x, axis))
            left = of_slopes(case, as_tuple(grads), lambda x, axis: np.compress(~MASK, x, axis))
            trial.require(
                near(found, list(as_tuple(rest))), f"{told}: the gradient of what is left is not that of it alone"
            )
            for name, grad in zip(case.form.slopes, left, strict=True):
                masked = place(case, name) is None or not grad.any()
                trial.require(masked, f"{told}: what is masked has a gradient: {grad.ravel()[:3]}")
            value, grads = reduced(*spoilt, where=np.zeros(6, bool))
            told = f"{told}: with everything masked"
            trial.require(value == 0, f"{told} {value}")
            trial.require(not any(grad.any() for grad in as_tuple(grads)), f"{told} there is a gradient")


@check
def parts_add_up(subject: Subject, trial: Trial) -> None:
    """With a common denominator, the losses and gradients of parts add up to those of the whole."""
    for case, arrays in subject.batches():
        for reduction in DIVIDED[1:]:
            reduced = fused(case, reduction)
            given: dict[str, Any] = {"sample_weight": WEIGHTS, "where": MASK}
            whole, grads = reduced(*arrays, **given)
            cuts = [slice(0, 1), slice(1, 4), slice(4, 6)]
            parts = [(pick(case, arrays, cut), {name: x[cut] for name, x in given.items()}) for cut in cuts]
            common = sum(criterion(case, reduction).denominator(*part, **kept) for part, kept in parts)
            found = [reduced(*part, **kept, denominator=common) for part, kept in parts]
            added = sum(float(value) for value, _ in found)
            told = f"{case}, reduction {reduction}: parts with denominator {common:g}"
            trial.require(near(whole, added), f"{told} add up to {added}, the whole is {whole}")
            every = zip(case.form.slopes, as_tuple(grads), *(as_tuple(piece) for _, piece in found), strict=True)
            for name, grad, *pieces in every:
                axis = place(case, name)
                joined = sum(pieces) if axis is None else np.concatenate(pieces, axis)
                trial.require(near(grad, joined), f"{told} have gradients other than the whole's")


@check_unless(lambda subject: "" if any(map(has_labels, (c.form for c in subject.cases))) else "no class labels")
def labels_of_any_integer_type(subject: Subject, trial: Trial) -> None:
    """Labels of every integer type give the same bits; rows with the label to ignore count for nothing, even of nan."""
    for case in (case for case in subject.defaults if has_labels(case.form)):
        arrays = batch(case, (6,))
        expected = fused(case)(*arrays)
        for kind in "bBhHiIqQ":
            if any((x.astype(kind) != x).any() for x in arrays if x.dtype.kind == "i"):
                continue  # a type without signs cannot hold the -1 of a list
            found = fused(case)(*(x.astype(kind) if x.dtype.kind == "i" else x for x in arrays))
            trial.require(
                same(expected, found), f"{case}: labels of type {np.dtype(kind)} give {found[0]}, not {expected[0]}"
            )
        ignored = ignored_label(case.form)
        if ignored is not None:
            left_out = of_samples(case, arrays, partial(ignore, case.parameters[ignored]))
            value, grads = fused(case)(*left_out)
            deleted, rest = fused(case)(*pick(case, arrays, MASK))
            trial.require(near(value, deleted), f"{case}: {value} with rows ignored, {deleted} with rows deleted")
            spread = of_slopes(case, as_tuple(rest), with_gaps)
            fine = near(list(as_tuple(grads)), spread)
            trial.require(fine, f"{case}: another gradient with rows ignored than with rows deleted")
