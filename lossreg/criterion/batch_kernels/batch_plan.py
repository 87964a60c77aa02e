"""The plan of a batch kernel, which gets the samples that count, and arrays to fill with their slopes."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import errstate

from lossreg.criterion.batch_kernels.batch_check import inside_sequences, padded
from lossreg.criterion.checked_call import gradient_type
from lossreg.criterion.domain_errors import find_outside
from lossreg.criterion.outputs import GUARDED, OVERLAPPING
from lossreg.criterion.plans.summed_plan import SummedPlan
from lossreg.criterion.shapes import expanded
from lossreg.definition.plain_python.checked_batch import run_batch_kernel
from lossreg.definition.roles import Role
from lossreg.definition.signature import CLASSES, SAMPLES
from lossreg.errors import InvalidInput
from lossreg.kernels.drivers.batch_kernel import Outside
from lossreg.kernels.drivers.short_floats import assign, is_short, widened

if TYPE_CHECKING:
    from lossreg.criterion.checked_call import Call
    from lossreg.definition.domains import Domain
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]


class BatchPlan(SummedPlan):
    """How a batch kernel computes calls with the same signature.

    classes: the number of classes, if an axis of that name gives it; otherwise 0.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.inputs = call.bound.form.inputs
        self.parameters = {parameter.name: value for parameter, value in call.bound.parameters}
        self.buffered = [mode in {GUARDED, OVERLAPPING} for mode in call.out]
        self.classes = 0
        for x, entry in zip(call.arrays, self.inputs, strict=True):
            if CLASSES in entry.axes and not entry.lengths:
                # The array of a single sample has no axis of samples.
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
            np.empty(arrays[at].shape, gradient_type(arrays[at]))
            if out is None or self.buffered[number]
            else out[number]
            for number, at in enumerate(self.graded_inputs)
        ]
        scale = factor / divisor if divisor else 0.0
        weights = self.sample_weights(arrays, sample_weight, where)
        kept = np.flatnonzero(weights)
        values = np.zeros(len(weights), self.real)
        with errstate(all="ignore"):  # inf and nan propagate without warnings, as in compiled loops
            if len(kept):
                values[kept] = self.run_kernel(scale, arrays, weights, kept, grads)
            else:
                for grad in grads:
                    grad[...] = 0
            total = float(np.sum(values[kept], dtype=np.float64))
            values = values.reshape(self.shape).astype(self.kind if self.each else self.real, copy=False)
        for number, grad in enumerate(grads):
            if out is not None and grad is not out[number]:
                assign(out[number], grad)
                grads[number] = out[number]
        value = self.finish(arrays, sample_weight, where, values, total, divisor, factor)
        return value, grads[0] if len(grads) == 1 else tuple(grads)

    def run_kernel(self, scale: float, arrays: Arrays, weights: Array, kept: Array, grads: list[Array]) -> Array:
        """Run the kernel; return the values of the samples that count, and fill the gradients times `scale`."""
        form = self.bound.form
        padded_arrays = padded(self.bound.loss, form, arrays)
        batch = [self.with_samples(x, entry) for x, entry in zip(padded_arrays, self.inputs, strict=True)]
        counting = [self.counting(x, entry, kept) for x, entry in zip(batch, self.inputs, strict=True)]
        for x, entry in zip(counting, self.inputs, strict=True):
            self.check(x, entry, kept)
            if entry.role is Role.LENGTH and self.bound.reduction == "mean":
                weights[kept] /= np.maximum(x, 1)
        names = [self.bound.slopes[at] for at in self.graded]
        entries = {entry.name: entry for entry in self.inputs}
        # The gradient of concatenated sequences is computed in padded rows.
        sequences = [padded_arrays[at].ndim > arrays[at].ndim for at in self.graded]
        buffers = {
            name: self.with_samples(
                np.empty(padded_arrays[at].shape, self.real) if concatenated else grad, entries[name]
            )
            for name, at, grad, concatenated in zip(names, self.graded, grads, sequences, strict=True)
        }
        slopes = {
            entry.name: in_place(buffers[entry.name], x.shape, self.real)
            for x, entry in zip(counting, self.inputs, strict=True)
            if entry.name in buffers
        }
        kept_weights: Array = weights[kept].astype(self.real)
        try:
            found: Array = run_batch_kernel(
                form, counting, kept_weights, slopes, self.parameters, kept_weights.shape, scale
            )
        except Outside as error:
            raise self.outlier(entries[error.name], error.at, error.got, error.extent, kept) from None
        for name, slope in slopes.items():
            self.fill(buffers[name], slope, entries[name], kept)
        for name, grad, concatenated in zip(names, grads, sequences, strict=True):
            if concatenated:
                lengths = arrays[[x.name for x in self.inputs].index(entries[name].lengths)]
                grad[...] = buffers[name][inside_sequences(lengths)]
        return found

    def sample_weights(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> Array:
        """The weight of each sample; 0 if it is masked or has the label to ignore."""
        weights = np.ones(self.shape)
        if where is not None:
            weights[~where] = 0
        if self.bound.label is not None and self.bound.ignored is not None:
            weights[arrays[self.bound.label] == self.bound.ignored] = 0
        if sample_weight is not None:
            weights[weights != 0] *= expanded(sample_weight, self.shape)[weights != 0]
        return weights.reshape(-1)

    def with_samples(self, array: Array, entry: Input) -> Array:
        """Add the axis of samples to the array of a single sample, if it has none."""
        return array if array.ndim == len(entry.axes) else np.expand_dims(array, entry.axes.index(SAMPLES))

    def counting(self, array: Array, entry: Input, kept: Array) -> Array:
        """The samples of an input that count, in the type that the kernel computes in."""
        if SAMPLES in entry.axes and len(kept) < array.shape[entry.axes.index(SAMPLES)]:
            array = np.take(array, kept, axis=entry.axes.index(SAMPLES))
        if is_short(array.dtype):
            return widened(array).astype(self.real, copy=False)
        return np.asarray(array, np.int64 if entry.domain.integer else self.real, order="C")

    def check(self, x: Array, entry: Input, kept: Array) -> None:
        """Raise InvalidInput for the first number outside its domain, with its position."""
        if entry.kernel_checks or not (entry.domain.bounded or (entry.role is Role.LABEL and self.classes)):
            return
        if entry.domain.interval and x.size and is_within(entry.domain, x):
            return
        outside, extent = find_outside(self.bound, x, entry, self.classes)
        if outside.any():
            at = np.argwhere(outside)[0].tolist()
            raise self.outlier(entry, at, x[tuple(at)], extent, kept)

    def outlier(self, entry: Input, at: list[int], got: Any, extent: str, kept: Array) -> InvalidInput:
        """The error for a number outside its domain, with its position in the array of the caller."""
        if SAMPLES in entry.axes:
            sample = int(kept[at.pop(entry.axes.index(SAMPLES))])
            at[entry.axes.index(SAMPLES) : 0] = [sample] if self.shape else []
        position = f" at {at}" if at else ""
        return InvalidInput(f"{self.bound.loss}: expected {entry.name} {extent}; got {got}{position}")

    def fill(self, buffer: Array, slope: Array, entry: Input, kept: Array) -> None:
        """Copy the slopes of the samples that count to their positions in the gradient."""
        if slope is buffer:
            return
        if slope.shape == buffer.shape:
            assign(buffer, slope)
        else:
            buffer[...] = 0
            buffer[(slice(None),) * entry.axes.index(SAMPLES) + (kept,)] = slope


def in_place(buffer: Array, shape: tuple[int, ...], real: type) -> Array:
    """The buffer itself, if a kernel can fill it, otherwise a new array, which is copied to it later."""
    fits = buffer.shape == shape and buffer.dtype == real and buffer.flags.c_contiguous and buffer.flags.aligned
    return buffer if fits else np.empty(shape, real)


def is_within(domain: Domain, x: Array) -> bool:
    """Whether all numbers of an array are in a domain that is an interval.

    The least and the largest take a tenth of the time of comparing every number; nan is both. Where the domain has 0,
    the largest is enough if none is negative: the bits of negative numbers, as integers, are larger than all others'.
    """
    if x.dtype == np.float32 and x.flags.c_contiguous and domain.contains(0.0):
        largest = x.view(np.uint32).max().view(np.float32)
        if not np.signbit(largest):
            return bool(domain.contains(largest))
    return bool(domain.contains(x.min()) and domain.contains(x.max()))
