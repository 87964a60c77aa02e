"""Checks of which samples count: weights, masks, ignored labels, and batches in parts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.testing.batches import batch, criterion_of, value_and_grad
from lossreg.testing.check import check, check_unless
from lossreg.testing.checks.reductions import REDUCTIONS, WEIGHTS, reductions_of, samples_are_coupled
from lossreg.testing.comparison import as_tuple, near, same
from lossreg.testing.evaluation import has_labels, ignored_label
from lossreg.testing.samples import (
    MASK,
    add_repetitions,
    invalidate,
    map_gradients,
    map_inputs,
    sample_axis,
    select,
    set_ignored,
    with_zeros,
)

if TYPE_CHECKING:
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun


@check_unless(samples_are_coupled)
def weights_equal_repetition(tested: LossUnderTest, run: CheckRun) -> None:
    """A sample of weight 2 counts like two samples, and one of weight 0 like none, even if it is nan."""
    repeats = np.array([1, 2, 0, 1, 2, 3])
    for case, arrays in tested.batches():
        weighted = map_inputs(case, arrays, partial(invalidate, repeats == 0))
        repeated = map_inputs(case, arrays, lambda x, axis: np.repeat(x, repeats, axis))
        for reduction in REDUCTIONS[:2]:
            reduced = value_and_grad(case, reduction)
            value, grads = reduced(*weighted, sample_weight=repeats.astype(float))
            expected, each = reduced(*repeated)
            subject = f"{case}, reduction {reduction}: with weights {repeats.tolist()}"
            run.require(near(value, expected), f"{subject} {value}, with samples repeated {expected}")
            added = map_gradients(case, as_tuple(each), partial(add_repetitions, repeats))
            for grad, of_repeated in zip(as_tuple(grads), added, strict=True):
                run.require(near(grad, of_repeated), f"{subject} the gradient is not that of the samples repeated")


@check
def masked_samples_do_not_count(tested: LossUnderTest, run: CheckRun) -> None:
    """A masked sample has no effect, even if it is nan, inf or out of range; a loss of masked samples only is 0."""
    for case, arrays in tested.batches():
        masked = map_inputs(case, arrays, partial(invalidate, ~MASK))
        kept = select(case, arrays, MASK)
        for reduction in reductions_of(case):
            reduced = value_and_grad(case, reduction)
            value, grads = reduced(*masked, where=MASK)
            expected, rest = reduced(*kept)
            subject = f"{case}, reduction {reduction}"
            run.require(near(value, expected), f"{subject}: {value} with samples masked, {expected} without them")
            found = map_gradients(case, as_tuple(grads), lambda x, axis: np.compress(MASK, x, axis))
            left = map_gradients(case, as_tuple(grads), lambda x, axis: np.compress(~MASK, x, axis))
            message = f"{subject}: the gradient of the other samples is not that without the masked ones"
            run.require(near(found, list(as_tuple(rest))), message)
            for name, grad in zip(case.form.slopes, left, strict=True):
                zero = sample_axis(case, name) is None or not grad.any()
                run.require(zero, f"{subject}: a masked sample has a gradient: {grad.ravel()[:3]}")
            value, grads = reduced(*masked, where=np.zeros(6, bool))
            run.require(value == 0, f"{subject}: {value} with every sample masked")
            run.require(
                not any(grad.any() for grad in as_tuple(grads)),
                f"{subject}: there is a gradient with every sample masked",
            )


@check_unless(samples_are_coupled)
def partial_batches_add_up(tested: LossUnderTest, run: CheckRun) -> None:
    """With a common denominator, the losses and gradients of parts of a batch add up to those of the batch."""
    for case, arrays in tested.batches():
        for reduction in REDUCTIONS[1:]:
            reduced = value_and_grad(case, reduction)
            given: dict[str, Any] = {"sample_weight": WEIGHTS, "where": MASK}
            total, grads = reduced(*arrays, **given)
            cuts = [slice(0, 1), slice(1, 4), slice(4, 6)]
            parts = [(select(case, arrays, cut), {name: x[cut] for name, x in given.items()}) for cut in cuts]
            common = sum(criterion_of(case, reduction).denominator(*part, **kept) for part, kept in parts)
            found = [reduced(*part, **kept, denominator=common) for part, kept in parts]
            added = sum(float(value) for value, _ in found)
            subject = f"{case}, reduction {reduction}: parts with denominator {common:g}"
            run.require(near(total, added), f"{subject} add up to {added}, the batch gives {total}")
            every = zip(case.form.slopes, as_tuple(grads), *(as_tuple(piece) for _, piece in found), strict=True)
            for name, grad, *pieces in every:
                axis = sample_axis(case, name)
                joined = sum(pieces) if axis is None else np.concatenate(pieces, axis)
                run.require(near(grad, joined), f"{subject} have other gradients than the batch")


@check_unless(lambda tested: "" if any(has_labels(case.form) for case in tested.cases) else "it has no class labels")
def labels_of_any_integer_dtype(tested: LossUnderTest, run: CheckRun) -> None:
    """Labels of every integer dtype give the same bits; samples with the ignored label do not count, even if nan."""
    for case in (case for case in tested.default_cases if has_labels(case.form)):
        arrays = batch(case, (6,))
        expected = value_and_grad(case)(*arrays)
        for code in "bBhHiIqQ":
            if any((x.astype(code) != x).any() for x in arrays if x.dtype.kind == "i"):
                continue  # an unsigned type cannot hold the -1 of a list
            found = value_and_grad(case)(*(x.astype(code) if x.dtype.kind == "i" else x for x in arrays))
            message = f"{case}: labels of dtype {np.dtype(code)} give {found[0]}, expected {expected[0]}"
            run.require(same(expected, found), message)
        ignored = ignored_label(case.form)
        if ignored is not None:
            value, grads = value_and_grad(case)(
                *map_inputs(case, arrays, partial(set_ignored, case.parameters[ignored]))
            )
            expected_value, rest = value_and_grad(case)(*select(case, arrays, MASK))
            message = f"{case}: {value} with rows ignored, {expected_value} with the same rows deleted"
            run.require(near(value, expected_value), message)
            equal = near(list(as_tuple(grads)), map_gradients(case, as_tuple(rest), with_zeros))
            run.require(equal, f"{case}: the gradient with rows ignored differs from that with rows deleted")
