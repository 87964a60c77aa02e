"""Batches of ordinary random numbers for a case, and its criterion."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.definition.domains import LOG_PROBABILITY, PROBABILITY, SIGN, Domain
from lossreg.definition.roles import Role
from lossreg.definition.signature import CLASSES
from lossreg.testing.cases import SEED, WIDTH, example

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.testing.cases import Array, LossCase


def criterion_of(case: LossCase, reduction: str = "mean", width: int = 0) -> Criterion:
    """Return the criterion of a case; `width` is the length of the rows unless it is that of the batches."""
    return Criterion(case.loss, reduction, case.parameters_for(width or case.width))


def value_and_grad(case: LossCase, reduction: str = "mean", width: int = 0) -> Callable[..., Any]:
    """Return the `value_and_grad` of a case, with respect to every input that has a slope, the target included."""
    return partial(criterion_of(case, reduction, width).value_and_grad, wrt=case.form.slopes)


def batch(case: LossCase, shape: tuple[int, ...], real: Any = np.float64) -> list[Array]:
    """Return arrays of ordinary random numbers for a case, with rows along the last axis; each input has its own.

    Samples at which the loss has no value, such as the logarithm of a negative number, get the magnitudes.
    """
    if case.form.by_batch:
        made, _ = example(case.loss, case.number, shape[0])
        return [x if x.dtype.kind in "iu" else x.astype(real) for x in made]
    random = np.random.default_rng(SEED)
    arrays = [
        padded_class_indices(shape, random)
        if entry.role is Role.LABELS
        else random.integers(0, classes_of(case), shape)
        if entry.role is Role.LABEL
        else ordinary_numbers(entry.domain, shape if entry.axis is None else (*shape, case.width), random).astype(real)
        for entry in case.form.inputs
    ]
    # The same loop as in most checks: that of the values alone would be compiled for this.
    missing = np.isnan(value_and_grad(case, "none")(*arrays)[0])
    for x in arrays:
        x[missing] = abs(x[missing])
    return arrays


def classes_of(case: LossCase) -> int:
    """Return the number of classes in the batches of a case: that of its example, or the length of its rows."""
    if not case.form.by_batch:
        return case.width + max(entry.extra_classes for entry in case.form.inputs)
    made, _ = example(case.loss, case.number, 1)
    sized = zip(made, case.form.inputs, strict=True)
    return next((x.shape[entry.axes.index(CLASSES)] for x, entry in sized if CLASSES in entry.axes), WIDTH)


def padded_class_indices(shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Return rows of class labels in random order, each with a -1 at a random place."""
    lists = random.permuted(np.broadcast_to(np.arange(WIDTH), (*shape, WIDTH)), axis=-1)
    np.put_along_axis(lists, random.integers(1, WIDTH, (*shape, 1)), -1, axis=-1)
    return lists


def ordinary_numbers(domain: Domain, shape: tuple[int, ...], random: np.random.Generator) -> Array:
    """Return random numbers of a domain, none of them at its edge."""
    drawn = random.normal(size=shape) * 2
    if domain is SIGN:
        return np.where(drawn > 0, 1.0, -1.0)
    if domain is LOG_PROBABILITY:
        return -abs(drawn)
    if domain is PROBABILITY:
        return np.exp(drawn) / np.exp(drawn).sum(-1, keepdims=True)
    for candidate in (drawn, abs(drawn) + 0.25, random.uniform(0.05, 0.95, shape), -abs(drawn) - 0.25):
        if bool(np.all(domain.contains(candidate))):
            return candidate
    return np.full(shape, domain.example)


def inputs_with_gradient(case: LossCase, arrays: list[Array]) -> list[Array]:
    """Return those of a batch's arrays that have a gradient."""
    return [x for x, entry in zip(arrays, case.form.inputs, strict=True) if entry.name in case.form.slopes]
