"""Checks of how arrays lie in memory, how many there are of them, where results go, and who computes them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput
from lossreg.kernels.drivers.slabs import SLAB
from lossreg.kernels.drivers.threads import WORK, get_num_threads, set_num_threads
from lossreg.testing.checks.arrays import DIVIDED, graded, near, same
from lossreg.testing.checks.check import check
from lossreg.testing.checks.usage import candidates, put, refuses
from lossreg.testing.samples import pick
from lossreg.testing.subject import WIDTH, as_tuple, batch, criterion, fused

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.testing.points import Array, Case
    from lossreg.testing.results import Trial
    from lossreg.testing.subject import Subject


@check
def threads_give_the_same_bits(subject: Subject, trial: Trial) -> None:
    """Values, sums and gradients have the same bits from 1, 2 and 3 threads."""
    before = get_num_threads()
    try:
        for case in subject.defaults:
            size = 3 * (SLAB // WIDTH if case.form.whole else WORK // WIDTH if case.form.by_row else WORK) + 1001
            for real, reduction in ((np.float32, "none"), (np.float64, "mean")):
                arrays = batch(case, (size,), real)
                found = []
                for threads in (1, 2, 3):
                    set_num_threads(threads)
                    found.append(fused(case, reduction)(*arrays))
                trial.require(
                    all(same(found[0], other) for other in found[1:]), f"{case}: threads change {real.__name__} bits"
                )
    finally:
        set_num_threads(before)


@check
def layouts_do_not_matter(subject: Subject, trial: Trial) -> None:
    """Strided, reversed, Fortran-ordered, read-only, byte-swapped and integer arrays give the same; none is changed."""
    for case in subject.defaults:
        arrays = batch(case, (4, 6) if not (case.form.by_row or case.form.whole) else (24,))
        plain = fused(case)
        expected = plain(*map(np.copy, arrays))
        for name, change in LAYOUTS.items():
            changed = [change(x) for x in arrays]
            found = plain(*changed)
            trial.require(same(expected, found), f"{case}: {name} arrays give {found[0]}, expected {expected[0]}")
            kept = all(np.array_equal(x, y) for x, y in zip(arrays, changed, strict=True))
            trial.require(kept, f"{case}: changes its inputs ({name})")
        kinds = [TYPES.get(entry.domain.name) for entry in case.form.inputs]
        whole = [x if kind is None else np.rint(x) for x, kind in zip(arrays, kinds, strict=True)]
        integers = [x.astype(kind or x.dtype) for x, kind in zip(whole, kinds, strict=True)]
        trial.require(near(plain(*whole), plain(*integers)), f"{case}: integers give another loss")
        if any(entry.axis == 1 for entry in case.form.inputs):
            classes_in_place(case, trial)


TYPES: dict[str, Any] = {"Real": np.int64, "NonNegative": np.int64, "Unit": np.bool_, "Sign": np.int8}
"""The integers that a domain's inputs may also be given as."""


def classes_in_place(case: Case, trial: Trial) -> None:
    """Compare (N, C, d) with its rows brought to (N d, C)."""
    flat = batch(case, (12,))
    inner = [np.moveaxis(x.reshape(4, 3, *x.shape[1:]), 2, 1) if x.ndim > 1 else x.reshape(4, 3) for x in flat]
    value, grads = fused(case)(*inner)
    expected, rows = fused(case)(*flat)
    trial.require(near(value, expected), f"{case}: {value} with classes along axis 1 of three, expected {expected}")
    brought = [np.moveaxis(x, 1, 2).reshape(y.shape) for x, y in zip(as_tuple(grads), as_tuple(rows), strict=True)]
    trial.require(near(brought, list(as_tuple(rows))), f"{case}: another gradient with classes along axis 1 of three")


def strided(x: Array) -> Array:
    """The array as every second number of another."""
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def locked(x: Array) -> Array:
    """The array, read-only."""
    copy = x.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": np.copy,
    "strided": strided,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "Fortran-ordered": np.asfortranarray,
    "read-only": locked,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder("S")),
}


@check
def calls_repeat(subject: Subject, trial: Trial) -> None:
    """A call like one before gives what the first of its kind would give, and refuses what that would refuse."""
    for case in subject.defaults:
        arrays = batch(case, (6,))
        others = [x[::-1].copy() for x in arrays] if not case.form.whole else arrays
        for reduction in DIVIDED:
            made, first = criterion(case, reduction), criterion(case, reduction)
            room = tuple(np.empty_like(x) for x in graded(case, arrays))
            made.value_and_grad(*arrays), made(*arrays)
            once = first.value_and_grad(*others)
            told = f"{case}, reduction {reduction}: a call like one before gives"
            found = made.value_and_grad(*others)
            trial.require(same(found, once), f"{told} {found[0]!r}, the first gives {once[0]!r}")
            trial.require(same(made(*others), once[0]), f"{told} another value without its gradient")
            by_default = room[: len(as_tuple(once[1]))]
            filled = made.value_and_grad(*others, out=by_default)
            trial.require(same(filled, once), f"{told} another gradient in out")
        often = criterion(case).value_and_grad
        often(*arrays)
        for position in range(len(arrays)):
            for x in (x for x, inside in candidates(case, position) if not inside):
                given, _ = put(arrays, position, x)
                told = f"{case}: {case.form.inputs[position].name} of {x} in a call like one before"
                refuses(trial, partial(often, *given), InvalidInput, (case.form.inputs[position].name,), told)


@check
def small_inputs_work(subject: Subject, trial: Trial) -> None:
    """No sample is a loss of 0, one sample is its own mean, and a single point need not be in an array of one."""
    for case in subject.defaults:
        arrays = batch(case, (1,))
        value, grads = fused(case, "none")(*arrays)
        for reduction in DIVIDED[:2]:
            single = fused(case, reduction)(*arrays)
            trial.require(
                near(single[0], value[0]), f"{case}, reduction {reduction}: one sample is {single[0]}, not {value[0]}"
            )
        inside = pick(case, arrays, 0)
        point = fused(case, "none")(*inside)
        trial.require(np.shape(point[0]) == (), f"{case}: a single point has a loss of shape {np.shape(point[0])}")
        alike = near(point[0], value[0]) and near(
            [x.ravel() for x in as_tuple(point[1])], [x.ravel() for x in as_tuple(grads)]
        )
        trial.require(alike, f"{case}: a single point gives {point}, an array of one {value, grads}")
        empty = pick(case, arrays, slice(0, 0))
        for reduction in ("none", *DIVIDED):
            value, grads = fused(case, reduction)(*empty)
            shapes = [x.shape for x in as_tuple(grads)] == [x.shape for x in graded(case, empty)]
            fine = np.size(value) == 0 if reduction == "none" else value == 0
            trial.require(fine and shapes, f"{case}, reduction {reduction}: no sample gives {value!r}")


@check
def out_is_filled(subject: Subject, trial: Trial) -> None:
    """`out` is what comes back, with the gradient in it: also where it is strided, and where it is the input itself."""
    for case in subject.defaults:
        arrays = batch(case, (6,))
        plain = fused(case)
        expected = plain(*arrays)
        buffers = {
            "plain": [np.full(x.shape, 7.0) for x in graded(case, arrays)],
            "strided": [strided(np.full(x.shape, 7.0)) for x in graded(case, arrays)],
        }
        for name, out in buffers.items():
            value, grads = plain(*arrays, out=tuple(out) if len(out) > 1 else out[0])
            returned = all(grad is buffer for grad, buffer in zip(as_tuple(grads), out, strict=True))
            trial.require(returned, f"{case}: gives back another array than out ({name})")
            trial.require(same(expected, (value, tuple(out))), f"{case}: out ({name}) does not hold the gradient")
        copies = [x.copy() for x in arrays]
        over = graded(case, copies)
        value, _ = plain(*copies, out=tuple(over) if len(over) > 1 else over[0])
        trial.require(same(expected, (value, tuple(over))), f"{case}: out that is an input does not hold the gradient")
