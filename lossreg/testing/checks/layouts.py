"""Checks of memory layouts and threads: strides, byte order and dtypes of inputs, `out`, and the number of threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.signature import INDEPENDENT
from lossreg.kernels.drivers.slabs import SLAB
from lossreg.kernels.drivers.threads import WORK, get_num_threads, set_num_threads
from lossreg.testing.batches import batch, inputs_with_gradient, value_and_grad
from lossreg.testing.check import check
from lossreg.testing.comparison import as_tuple, near, same

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.testing.cases import Array, LossCase
    from lossreg.testing.loss_under_test import LossUnderTest
    from lossreg.testing.results import CheckRun

COUPLED = 257
"""The samples of a batch whose memory may grow with their square."""


@check
def results_do_not_depend_on_threads(tested: LossUnderTest, run: CheckRun) -> None:
    """Values, sums and gradients have the same bits with 1, 2 and 3 threads."""
    before = get_num_threads()
    try:
        for case in tested.default_cases:
            size = size_for_threads(case)
            for real, reduction in ((np.float32, case.unreduced), (np.float64, "mean")):
                arrays = batch(case, (size,), real)
                found = []
                for threads in (1, 2, 3):
                    set_num_threads(threads)
                    found.append(value_and_grad(case, reduction)(*arrays))
                equal = all(same(found[0], other) for other in found[1:])
                run.require(equal, f"{case}: the number of threads changes the bits of {real.__name__}")
    finally:
        set_num_threads(before)


def size_for_threads(case: LossCase) -> int:
    """Return a number of samples that is enough work for three threads, or few if each is compared with all others."""
    if case.form.couples != INDEPENDENT:
        return COUPLED
    return 3 * (SLAB // case.width if case.form.by_batch else WORK // case.width if case.form.by_row else WORK) + 1001


def strided(x: Array) -> Array:
    """Return the array as a view of every second number of another one; a copy of a single number."""
    if not x.ndim:
        return x.copy()
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


def read_only(x: Array) -> Array:
    """Return a copy that is read-only."""
    copy = x.copy()
    copy.flags.writeable = False
    return copy


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "contiguous": np.copy,
    "strided": strided,
    "reversed": lambda x: x[::-1].copy()[::-1],
    "Fortran-ordered": np.asfortranarray,
    "read-only": read_only,
    "byte-swapped": lambda x: x.astype(x.dtype.newbyteorder("S")),
}
INTEGER_DTYPES: dict[str, Any] = {"Real": np.int64, "NonNegative": np.int64, "Unit": np.bool_, "Sign": np.int8}
"""The integer dtypes that inputs are tested with, by the names of their domains."""


@check
def results_do_not_depend_on_layout(tested: LossUnderTest, run: CheckRun) -> None:
    """Strided, reversed, Fortran-ordered, read-only, byte-swapped and integer arrays give the same; none is changed."""
    for case in tested.default_cases:
        arrays = batch(case, (4, 6) if not (case.form.by_row or case.form.by_batch) else (24,))
        call = value_and_grad(case)
        expected = call(*map(np.copy, arrays))
        for name, change in LAYOUTS.items():
            changed = [change(x) if x.ndim else x.copy() for x in arrays]
            found = call(*changed)
            run.require(same(expected, found), f"{case}: {name} arrays give {found[0]}, expected {expected[0]}")
            kept = all(np.array_equal(x, y) for x, y in zip(arrays, changed, strict=True))
            run.require(kept, f"{case}: changes its inputs ({name})")
        dtypes = [INTEGER_DTYPES.get(entry.domain.name) for entry in case.form.inputs]
        rounded = [x if dtype is None else np.rint(x) for x, dtype in zip(arrays, dtypes, strict=True)]
        integers = [x.astype(dtype or x.dtype) for x, dtype in zip(rounded, dtypes, strict=True)]
        run.require(near(call(*rounded), call(*integers)), f"{case}: integers give another loss than equal floats")
        if any(entry.axis == 1 for entry in case.form.inputs):
            require_class_axis(case, run)


def require_class_axis(case: LossCase, run: CheckRun) -> None:
    """Require that (N, C, d) gives the same as its rows brought to (N d, C)."""
    rows = batch(case, (12,))
    inner = [np.moveaxis(x.reshape(4, 3, *x.shape[1:]), 2, 1) if x.ndim > 1 else x.reshape(4, 3) for x in rows]
    value, grads = value_and_grad(case)(*inner)
    expected, expected_grads = value_and_grad(case)(*rows)
    run.require(near(value, expected), f"{case}: {value} with classes along axis 1 of 3, expected {expected}")
    pairs = zip(as_tuple(grads), as_tuple(expected_grads), strict=True)
    moved = [np.moveaxis(x, 1, 2).reshape(y.shape) for x, y in pairs]
    equal = near(moved, list(as_tuple(expected_grads)))
    run.require(equal, f"{case}: another gradient with classes along axis 1 of 3")


@check
def out_is_filled(tested: LossUnderTest, run: CheckRun) -> None:
    """`out` is returned and has the gradient, also if it is strided or is the input itself."""
    for case in tested.default_cases:
        arrays = batch(case, (6,))
        call = value_and_grad(case)
        expected = call(*arrays)
        buffers = {
            "contiguous": [np.full(x.shape, 7.0) for x in inputs_with_gradient(case, arrays)],
            "strided": [strided(np.full(x.shape, 7.0)) for x in inputs_with_gradient(case, arrays)],
        }
        for name, out in buffers.items():
            value, grads = call(*arrays, out=tuple(out) if len(out) > 1 else out[0])
            returned = all(grad is buffer for grad, buffer in zip(as_tuple(grads), out, strict=True))
            run.require(returned, f"{case}: returns another array than out ({name})")
            run.require(same(expected, (value, tuple(out))), f"{case}: out ({name}) does not have the gradient")
        copies = [x.copy() for x in arrays]
        own = inputs_with_gradient(case, copies)
        value, _ = call(*copies, out=tuple(own) if len(own) > 1 else own[0])
        run.require(same(expected, (value, tuple(own))), f"{case}: out that is an input does not have the gradient")
