"""The plan of a batch kernel, which gets the samples that count, and arrays to fill with their slopes."""

from __future__ import annotations

from functools import cached_property, lru_cache
from math import isnan, prod
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
from lossreg.kernels.batches.small_arrays import domain_check, label_check, sum_of
from lossreg.kernels.drivers.batch_kernel import Outside
from lossreg.kernels.drivers.short_floats import assign, is_short, widened

if TYPE_CHECKING:
    from lossreg.criterion.checked_call import Call
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]
SMALL = 1 << 12
"""The numbers of an array of ones that is kept between calls."""


class BatchPlan(SummedPlan):
    """How a batch kernel computes calls with the same signature.

    classes: the number of classes, if an axis of that name gives it; otherwise 0.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        self.inputs = call.bound.form.inputs
        self.names = [entry.name for entry in self.inputs]
        self.parameters = {parameter.name: value for parameter, value in call.bound.parameters}
        self.buffered = [mode in {GUARDED, OVERLAPPING} for mode in call.out]
        self.sizes, self.classes = call.sizes, call.sizes.get(CLASSES, 0)
        self.concatenates = any(entry.lengths for entry in self.inputs)
        self.divides_by = [
            at for at, entry in enumerate(self.inputs) if entry.role is Role.LENGTH and self.bound.reduction == "mean"
        ]
        self.gradients = [(call.arrays[at].shape, gradient_type(call.arrays[at])) for at in self.graded_inputs]
        # Whether no sample of a call is left out, or has another weight than 1.
        unlabelled = self.bound.label is None or self.bound.ignored is None
        self.counts_all = call.sample_weight is None and call.where is None and unlabelled and self.size > 0
        # The positions of the inputs that have to be converted to the types that the kernel computes in.
        self.converted = [
            at
            for at, (x, entry) in enumerate(zip(call.arrays, self.inputs, strict=True))
            if x.dtype != (np.int64 if entry.domain.integer else self.real)
            or not (x.flags.c_contiguous and x.flags.aligned)
        ]

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
            np.empty(*gradient) if out is None or self.buffered[number] else out[number]
            for number, gradient in enumerate(self.gradients)
        ]
        scale = factor / divisor if divisor else 0.0
        with errstate(all="ignore"):  # inf and nan propagate without warnings, as in compiled loops
            if self.counts_all:
                weights, kept = ones((self.size,), np.float64 if self.divides_by else self.real), None
            else:
                weights = self.sample_weights(arrays, sample_weight, where)
                kept = positions(weights)
            if kept is None or len(kept):
                found = self.run_kernel(scale, arrays, weights, kept, grads)
            else:
                found = np.zeros(0, self.real)
                for grad in grads:
                    grad[...] = 0
            total = sum_of(found)
            if kept is not None:
                values = np.zeros(self.size, self.real)
                values[kept] = found
                found = values
            values = found.reshape(self.shape).astype(self.kind) if self.each else found
        for number, grad in enumerate(grads):
            if out is not None and grad is not out[number]:
                assign(out[number], grad)
                grads[number] = out[number]
        value = self.finish(arrays, sample_weight, where, values, total, divisor, factor)
        return value, grads[0] if len(grads) == 1 else tuple(grads)

    def run_kernel(self, scale: float, arrays: Arrays, weights: Array, kept: Array | None, grads: list[Array]) -> Array:
        """Run the kernel; return the values of the samples that count, and fill the gradients times `scale`."""
        form, inputs = self.bound.form, self.inputs
        rows = padded(self.bound.loss, form, arrays) if self.concatenates else arrays
        batch = [*rows] if self.shape else [self.with_samples(x, entry) for x, entry in zip(rows, inputs, strict=True)]
        self.select(batch, kept)
        self.check(batch, kept)
        weights = weights if kept is None else weights[kept]
        for at in self.divides_by:
            weights = weights / np.maximum(batch[at], 1)
        weights = weights if weights.dtype == self.real else weights.astype(self.real)
        slopes: dict[str, Array] = {}
        buffers = []
        for at, grad in zip(self.graded_inputs, grads, strict=True):
            # The gradient of concatenated sequences is computed in padded rows.
            own = np.empty(rows[at].shape, self.real) if rows[at].ndim > arrays[at].ndim else grad
            buffers.append(self.with_samples(own, inputs[at]))
            slopes[self.names[at]] = in_place(buffers[-1], batch[at].shape, self.real)
        try:
            found: Array = run_batch_kernel(form, batch, weights, slopes, self.parameters, weights.shape, scale)
        except Outside as error:
            raise self.outlier_of(error, kept) from None
        for at, buffer, grad in zip(self.graded_inputs, buffers, grads, strict=True):
            if slopes[self.names[at]] is not buffer:
                self.fill(buffer, slopes[self.names[at]], inputs[at], kept)
            if rows[at].ndim > arrays[at].ndim:
                lengths = arrays[self.names.index(inputs[at].lengths)]
                grad[...] = buffer[inside_sequences(lengths)]
        return np.ascontiguousarray(found, self.real)

    def call(self, arrays: Arrays, sample_weight: Array | None, where: Array | None, real: Any = None) -> Call:
        """The call of arrays that are known to fit."""
        call = super().call(arrays, sample_weight, where, real)
        call.sizes = self.sizes
        return call

    def sample_weights(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> Array:
        """The weight of each sample; 0 if it is masked or has the label to ignore."""
        if sample_weight is None:
            weights = np.ones(self.shape)
        else:
            weights = np.array(expanded(sample_weight, self.shape), np.float64)
        if where is not None:
            weights[~where] = 0
        if self.bound.label is not None and self.bound.ignored is not None:
            weights[arrays[self.bound.label] == self.bound.ignored] = 0
        return weights.reshape(-1)

    def with_samples(self, array: Array, entry: Input) -> Array:
        """Add the axis of samples to the array of a single sample, if it has none."""
        return array if array.ndim == len(entry.axes) else np.expand_dims(array, entry.axes.index(SAMPLES))

    def select(self, batch: list[Array], kept: Array | None) -> None:
        """Replace the inputs by the samples that count, in the types that the kernel computes in."""
        for at in self.converted if kept is None else range(len(batch)):
            x, entry = batch[at], self.inputs[at]
            if kept is not None and SAMPLES in entry.axes:
                x = np.take(x, kept, axis=entry.axes.index(SAMPLES))
            if is_short(x.dtype):
                batch[at] = widened(x).astype(self.real, copy=False)
            else:
                x = np.asarray(x, np.int64 if entry.domain.integer else self.real, order="C")
                batch[at] = x if x.flags.aligned else x.copy()

    @cached_property
    def checks(self) -> list[tuple[int, Any, tuple[int, ...]]]:
        """The compiled checks: the position of an input, what finds a number outside its domain, and its arguments."""
        found: list[tuple[int, Any, tuple[int, ...]]] = []
        for at, entry in enumerate(self.inputs):
            if entry.role is Role.LABEL and self.classes and not entry.kernel_checks:
                found.append((at, label_check(), (self.classes + entry.extra_classes,)))
            elif entry.domain.bounded and not entry.kernel_checks:
                kind = np.int64 if entry.domain.integer else self.real
                found.append((at, domain_check(entry.domain.contains, kind), ()))
        return found

    def check(self, batch: list[Array], kept: Array | None) -> None:
        """Raise InvalidInput for the first number outside its domain, with its position."""
        for at, is_outside, arguments in self.checks:
            if is_outside(batch[at], *arguments):
                x, entry = batch[at], self.inputs[at]
                outside, extent = find_outside(self.bound, x, entry, self.classes)
                if outside.any():
                    place = np.argwhere(outside)[0].tolist()
                    raise self.outlier(entry, place, x[tuple(place)], extent, kept)

    def outlier_of(self, error: Outside, kept: Array | None) -> InvalidInput:
        """The error for a number that the kernel refuses, with its position in the array of the caller."""
        return self.outlier(self.inputs[self.names.index(error.name)], error.at, error.got, error.extent, kept)

    def outlier(self, entry: Input, at: list[int], got: Any, extent: str, kept: Array | None) -> InvalidInput:
        """The error for a number outside its domain, with its position in the array of the caller."""
        if SAMPLES in entry.axes:
            sample = at.pop(entry.axes.index(SAMPLES))
            at[entry.axes.index(SAMPLES) : 0] = [sample if kept is None else int(kept[sample])] if self.shape else []
        position = f" at {at}" if at else ""
        return InvalidInput(f"{self.bound.loss}: expected {entry.name} {extent}; got {got}{position}")

    def fill(self, buffer: Array, slope: Array, entry: Input, kept: Array | None) -> None:
        """Copy the slopes of the samples that count to their positions in the gradient."""
        if slope.shape == buffer.shape:
            assign(buffer, slope)
        else:
            buffer[...] = 0
            buffer[(slice(None),) * entry.axes.index(SAMPLES) + (kept,)] = slope


def ones(shape: tuple[int, ...], real: type) -> Array:
    """An array of ones, which is not written to; a small one is kept."""
    return small_ones(shape, real) if prod(shape) <= SMALL else np.ones(shape, real)


@lru_cache(256)
def small_ones(shape: tuple[int, ...], real: type) -> Array:
    """The same array for the same shape and type."""
    return np.ones(shape, real)


def positions(counts: Any) -> Array | None:
    """The positions of the numbers of a vector other than 0; None if all are."""
    found: Array = np.flatnonzero(counts)
    return None if len(found) == len(counts) > 0 else found


def in_place(buffer: Array, shape: tuple[int, ...], real: type) -> Array:
    """The buffer itself, if a kernel can fill it, otherwise a new array, which is copied to it later."""
    fits = buffer.shape == shape and buffer.dtype == real and buffer.flags.c_contiguous and buffer.flags.aligned
    return buffer if fits else np.empty(shape, real)
