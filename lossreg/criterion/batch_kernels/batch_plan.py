"""The plan of a batch kernel: it is given the samples that count, and slopes to fill, in place where they fit."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import errstate

from lossreg.criterion.batch_kernels.batch_check import inside_sequences, side_by_side
from lossreg.criterion.checked_call import gradient_type
from lossreg.criterion.checking import GUARDED, OVERLAPPING
from lossreg.criterion.plan import Plan
from lossreg.criterion.refusals import find_outside
from lossreg.criterion.weights import expanded
from lossreg.definition.plain_python.checked_batch import run_batch_kernel
from lossreg.definition.roles import Role
from lossreg.definition.signature import CLASSES, SAMPLES
from lossreg.errors import InvalidInput
from lossreg.kernels.drivers.batch_kernel import Outside

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.criterion.checked_call import Call
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]


class BatchPlan(Plan):
    """How calls like one are computed by a batch kernel.

    classes: how many classes there are, where an axis of that name says so.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.inputs = call.bound.form.inputs
        self.parameters = {parameter.name: value for parameter, value in call.bound.parameters}
        self.apart = [mode in {GUARDED, OVERLAPPING} for mode in call.out]
        self.classes = 0
        for x, entry in zip(call.arrays, self.inputs, strict=True):
            if CLASSES in entry.axes and not entry.lengths:
                # A single sample comes without their axis.
                self.classes = x.shape[entry.axes.index(CLASSES) - len(entry.axes)]

    def run(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,
    ) -> tuple[Any, Any]:
        """Run the kernel on the samples that count; see `Plan.run`."""
        divisor, factor = self.divide(arrays, sample_weight, where, denominator, unit)
        if isnan(divisor) and sample_weight is not None:
            return self.run_rescaled(arrays, sample_weight, where, denominator, out)
        out = (out,) if out is not None and out.__class__ is not tuple else out
        grads = [
            np.empty(arrays[at].shape, gradient_type(arrays[at])) if out is None or self.apart[number] else out[number]
            for number, at in enumerate(self.graded_inputs)
        ]
        scale = factor / divisor if divisor else 0.0
        shares = self.shares(arrays, sample_weight, where)
        kept = np.flatnonzero(shares)
        values = np.zeros(len(shares), self.real)
        with errstate(all="ignore"):  # what is not finite goes through, as it does in compiled loops
            if len(kept):
                values[kept] = self.run_kernel(scale, arrays, shares, kept, grads)
            else:
                for grad in grads:
                    grad[...] = 0
            total = float(np.sum(values[kept], dtype=np.float64))
            values = values.reshape(self.shape).astype(self.kind if self.each else self.real, copy=False)
        for number, grad in enumerate(grads):
            if out is not None and grad is not out[number]:
                out[number][...] = grad
                grads[number] = out[number]
        value = self.finish(arrays, sample_weight, where, values, total, divisor, factor)
        return value, grads[0] if len(grads) == 1 else tuple(grads)

    def values(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> Iterable[Array]:
        """The values of all samples, with which a call has been computed anyway."""
        raise NotImplementedError

    def run_kernel(self, scale: float, arrays: Arrays, shares: Array, kept: Array, grads: list[Array]) -> Array:
        """The values of the samples that count; fills the gradients, times `scale`."""
        form = self.bound.form
        in_rows = side_by_side(self.bound.loss, form, arrays)
        batch = [self.with_samples(x, entry) for x, entry in zip(in_rows, self.inputs, strict=True)]
        counting = [self.counting(x, entry, kept) for x, entry in zip(batch, self.inputs, strict=True)]
        for x, entry in zip(counting, self.inputs, strict=True):
            self.check(x, entry, kept)
            if entry.role is Role.LENGTH and self.bound.reduction == "mean":
                shares[kept] /= np.maximum(x, 1)
        names = [self.bound.slopes[at] for at in self.graded]
        entries = {entry.name: entry for entry in self.inputs}
        # The gradient of sequences that were given one after the other is computed in rows.
        sequences = [in_rows[at].ndim > arrays[at].ndim for at in self.graded]
        buffers = {
            name: self.with_samples(np.empty(in_rows[at].shape, self.real) if apart else grad, entries[name])
            for name, at, grad, apart in zip(names, self.graded, grads, sequences, strict=True)
        }
        slopes = {
            entry.name: in_place(buffers[entry.name], x.shape, self.real)
            for x, entry in zip(counting, self.inputs, strict=True)
            if entry.name in buffers
        }
        share: Array = shares[kept].astype(self.real)
        try:
            found: Array = run_batch_kernel(form, counting, share, slopes, self.parameters, share.shape)
        except Outside as error:
            raise self.outlier(entries[error.name], error.at, error.got, error.extent, kept) from None
        for name, slope in slopes.items():
            self.fill(buffers[name], slope, entries[name], kept, scale)
        for name, grad, apart in zip(names, grads, sequences, strict=True):
            if apart:
                lengths = arrays[[x.name for x in self.inputs].index(entries[name].lengths)]
                grad[...] = buffers[name][inside_sequences(lengths)]
        return found

    def shares(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> Array:
        """How much each sample counts; 0 for what is masked or has the label to ignore."""
        shares = np.ones(self.shape)
        if where is not None:
            shares[~where] = 0
        if self.bound.label is not None and self.bound.ignored is not None:
            shares[arrays[self.bound.label] == self.bound.ignored] = 0
        if sample_weight is not None:
            shares[shares != 0] *= expanded(sample_weight, self.shape)[shares != 0]
        return shares.reshape(-1)

    def with_samples(self, array: Array, entry: Input) -> Array:
        """The array with the axis of the samples, where a single one came without."""
        return array if array.ndim == len(entry.axes) else np.expand_dims(array, entry.axes.index(SAMPLES))

    def counting(self, array: Array, entry: Input, kept: Array) -> Array:
        """What the kernel gets of an input: the samples that count, in its own type."""
        if SAMPLES in entry.axes and len(kept) < array.shape[entry.axes.index(SAMPLES)]:
            array = np.take(array, kept, axis=entry.axes.index(SAMPLES))
        return np.asarray(array, np.int64 if entry.domain.integer else self.real, order="C")

    def check(self, x: Array, entry: Input, kept: Array) -> None:
        """Raise InvalidInput for the first number that lies outside its domain, with its position."""
        if not (entry.domain.bounded or (entry.role is Role.LABEL and self.classes)):
            return
        outside, extent = find_outside(self.bound, x, entry, self.classes)
        if outside.any():
            at = np.argwhere(outside)[0].tolist()
            raise self.outlier(entry, at, x[tuple(at)], extent, kept)

    def outlier(self, entry: Input, at: list[int], got: Any, extent: str, kept: Array) -> InvalidInput:
        """The error of a number that an input may not have, at its place in what the caller gave."""
        if SAMPLES in entry.axes:
            sample = int(kept[at.pop(entry.axes.index(SAMPLES))])
            at[entry.axes.index(SAMPLES) : 0] = [sample] if self.shape else []
        place = f" at {at}" if at else ""
        return InvalidInput(f"{self.bound.loss}: expected {entry.name} {extent}; got {got}{place}")

    def fill(self, buffer: Array, slope: Array, entry: Input, kept: Array, scale: float) -> None:
        """Put the slopes of the samples that count, times `scale`, in their places."""
        if scale != 1:
            slope *= self.real(scale)
        if slope is buffer:
            return
        if slope.shape == buffer.shape:
            buffer[...] = slope
        else:
            buffer[...] = 0
            buffer[(slice(None),) * entry.axes.index(SAMPLES) + (kept,)] = slope


def in_place(buffer: Array, shape: tuple[int, ...], real: type) -> Array:
    """The buffer itself, where a kernel can fill it, or an array that can be brought to it."""
    fits = buffer.shape == shape and buffer.dtype == real and buffer.flags.c_contiguous and buffer.flags.aligned
    return buffer if fits else np.empty(shape, real)
