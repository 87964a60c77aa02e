"""The plan of a batch kernel that does not return one value for each independent sample.

The samples may be coupled: there is one value for the batch, for each group, or for each sample as an anchor among the
others. Or values are by sample and class, or weights by pixel. Masked samples are removed before the kernel runs. A
mean divides by the counts that the kernel returns, by the weights of the anchors, or by the number of values.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy import errstate

from lossreg.criterion.batch_kernels.batch_check import further_axes
from lossreg.criterion.batch_kernels.batch_plan import BatchPlan
from lossreg.criterion.batch_kernels.groups import numbered, weights_of_groups
from lossreg.criterion.checked_call import gradient_type
from lossreg.criterion.shapes import expanded
from lossreg.criterion.weights import non_negative_weights
from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.plain_python.checked_batch import run_batch_kernel
from lossreg.definition.roles import Role
from lossreg.definition.signature import (
    ANCHORS,
    BATCH,
    CLASSES,
    COUPLED_GROUPS,
    GROUPS,
    INDEPENDENT,
    SAMPLES,
    flatten_any_axes,
)
from lossreg.errors import InvalidInput, InvalidParameter
from lossreg.kernels.drivers.batch_kernel import Outside
from lossreg.kernels.drivers.short_floats import rounded

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.criterion.checked_call import Call
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]
    Scale = Callable[[float], float]


class Computed(NamedTuple):
    """The values of all samples or groups, 0 where they are masked, and the sum of their counts."""

    values: Array
    total_count: float


class CoupledPlan(BatchPlan):
    """How a batch kernel with coupled samples, or with values of further axes, computes calls with the same signature.

    elementwise: whether the weights are by element, such as a pixel, rather than by sample.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        form = call.bound.form
        self.sizes, self.coupling, self.value_axes = call.sizes, call.bound.coupling, call.bound.value_axes
        self.further = further_axes(form, call.arrays)
        self.weight_axes = form.weight_axes or (SAMPLES,)
        self.elementwise = self.weight_axes != (SAMPLES,)
        self.classes = call.sizes.get(CLASSES, 0)
        self.group = next((at for at, entry in enumerate(self.inputs) if entry.role is Role.GROUP), None)
        # An anchor of weight 0 has no value of its own, but other anchors are still compared with it.
        self.keeps_weightless = self.coupling == ANCHORS and not form.multiplicity

    def run(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,  # noqa: ARG002  extreme weights are not rescaled here
    ) -> tuple[Any, Any]:
        """Run the kernel on the samples that count; see `Plan.run`."""
        if denominator is not None and self.coupling != INDEPENDENT:
            raise InvalidParameter(
                f"{self.bound.loss}: takes no denominator: its samples are coupled, so the losses of parts of a batch "
                "do not add up to that of the batch"
            )
        out = (out,) if out is not None and out.__class__ is not tuple else out
        slopes = {self.inputs[at].name: np.empty(0) for at in self.graded_inputs}

        def scale_of(count: float) -> float:
            divisor = self.reduce(count, prod(self.value_shape()), self.batch)
            if denominator is not None:
                divisor = self.checked(denominator, divisor)
            return 1.0 if self.each else 1.0 / divisor if divisor else 0.0

        computed = self.compute(arrays, sample_weight, where, slopes, scale_of)
        scale = scale_of(computed.total_count)
        grads = []
        for number, at in enumerate(self.graded_inputs):
            x, slope = arrays[at], slopes[self.inputs[at].name]
            if scale != 1 and self.bound.form.counts:  # the kernel was called before the counts were known
                slope *= self.real(scale)
            grad = rounded(slope.reshape(x.shape), gradient_type(x))
            if out is not None:
                out[number][...] = grad
                grad = out[number]
            grads.append(grad)
        with errstate(all="ignore"):  # a number beyond the type's range becomes inf
            if self.each:
                value: Any = computed.values.astype(self.kind)
            else:
                value = self.kind.type(float(computed.values.sum(dtype=np.float64)) * scale)
        return value, grads[0] if len(grads) == 1 else tuple(grads)

    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:
        """The divisor of the reduction; raises InvalidParameter for coupled samples."""
        if self.coupling != INDEPENDENT:
            raise InvalidParameter(
                f"{self.bound.loss}: has no denominator for parts of a batch: its samples are coupled"
            )
        count = self.compute(arrays, sample_weight, where, {}).total_count
        return float(self.reduce(count, prod(self.value_shape()), self.batch))

    def value_shape(self, samples: int | None = None, groups: int = 0) -> tuple[int, ...]:
        """The shape of the values, for all samples or for this number of samples."""
        sizes = {**self.sizes, GROUPS: groups} | ({} if samples is None else {SAMPLES: samples})
        return tuple([sizes[axis] for axis in self.value_axes])

    def compute(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        slopes: dict[str, Array],
        scale_of: Scale = lambda _: 1.0,
    ) -> Computed:
        """Run the kernel on the samples that count, and scatter its slopes into `slopes`, with 0 elsewhere.

        The slopes are multiplied by the scale for the sum of the counts, unless the kernel returns the counts.
        """
        everything = sample_weight is None and where is None and self.bound.ignored is None
        weights = np.ones(self.shape, self.real) if everything else self.weights_of(arrays, sample_weight, where)
        kept: Any = range(len(weights)) if everything else self.samples_kept(weights, where)
        flat = [flatten_any_axes(x, entry.axes) for x, entry in zip(arrays, self.inputs, strict=True)]
        ids, members = self.groups_of(arrays)
        if not len(kept):
            slopes |= {self.inputs[at].name: np.zeros(flat[at].shape, self.real) for at in self.graded_inputs if slopes}
            return Computed(self.unflattened(np.zeros(self.value_shape(groups=len(ids)), self.real)), 0.0)
        batch = [self.counting(x, entry, kept) for x, entry in zip(flat, self.inputs, strict=True)]
        weights = weights if len(kept) == len(weights) else weights[kept]
        weights = weights.reshape(len(kept), *[self.sizes[axis] for axis in self.weight_axes[1:]])
        hidden = weights == 0 if self.elementwise and not everything else np.zeros(0, bool)
        if hidden.any():
            self.neutralize(batch, hidden)
        for x, entry in zip(batch, self.inputs, strict=True):
            self.check(x, entry, kept)
        groups = np.zeros(0, int)
        if self.group is not None:
            groups, batch[self.group] = np.arange(len(ids)), members
            if len(kept) < len(members):
                groups, batch[self.group] = numbered(members[kept])
            if self.coupling == COUPLED_GROUPS and not self.bound.form.multiplicity:
                given = None if sample_weight is None else weights
                weights = weights_of_groups(self.bound.loss, given, batch[self.group], len(groups))
        filled = {self.inputs[at].name: np.empty(batch[at].shape, self.real) for at in self.graded_inputs if slopes}
        shape = self.value_shape(len(kept), len(groups))
        try:
            values, count = self.call_kernel(batch, weights.astype(self.real, copy=False), filled, shape, scale_of)
        except Outside as error:
            entry = next(entry for entry in self.inputs if entry.name == error.name)
            raise self.outlier(entry, error.at, error.got, error.extent, kept) from None
        for at in self.graded_inputs if slopes else ():
            entry = self.inputs[at]
            slopes[entry.name] = self.scatter_slope(filled[entry.name], flat[at].shape, entry, hidden, kept)
        return Computed(self.unflattened(self.scatter_values(values, kept, groups, len(ids))), count)

    def scatter_slope(self, slope: Array, shape: tuple[int, ...], entry: Input, hidden: Array, kept: Array) -> Array:
        """Scatter the slopes of an input to the positions of its samples, with 0 for those that do not count."""
        if hidden.any() and set(self.weight_axes) <= set(entry.axes):
            slope = np.where(hidden.reshape(self.along(entry, hidden)), slope.dtype.type(0), slope)
        if slope.shape == shape:
            return slope
        full = np.zeros(shape, slope.dtype)
        full[(slice(None),) * entry.axes.index(SAMPLES) + (kept,)] = slope
        return full

    def along(self, entry: Input, weights: Array) -> tuple[int, ...]:
        """The shape in which weights broadcast to an input that has all their axes."""
        axes = self.weight_axes
        return tuple([weights.shape[axes.index(axis)] if axis in axes else 1 for axis in entry.axes])

    def call_kernel(
        self, batch: list[Array], weights: Array, slopes: dict[str, Array], shape: tuple[int, ...], scale_of: Scale
    ) -> tuple[Array, float]:
        """Call the kernel; return the values of the samples that count, and the sum of their counts."""
        form = self.bound.form
        with errstate(all="ignore"):
            if form.counts:
                values, counts = run_batch_kernel(form, batch, weights, slopes, self.parameters, shape)
                return values, float(np.sum(counts, dtype=np.float64))
            count = float(prod(shape))
            if not (self.coupling == BATCH or self.elementwise or form.weight_axes is None):
                count = float(weights.sum(dtype=np.float64)) * (count / len(weights))
            factor = scale_of(count) if slopes else 1.0
            return run_batch_kernel(form, batch, weights, slopes, self.parameters, shape, factor), count

    def samples_kept(self, weights: Array, where: Array | None) -> Array:
        """The positions of the samples that are passed to the kernel."""
        if self.keeps_weightless:
            return np.flatnonzero(np.ones(len(weights), bool) if where is None else expanded(where, self.shape))
        return np.flatnonzero(weights.reshape(len(weights), -1).any(axis=1) if weights.size else np.zeros(0, bool))

    def weights_of(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> Array:
        """The weights of samples or elements, 0 where they are masked; raises InvalidInput for one below 0 or inf."""
        reason = "its samples are coupled"
        return non_negative_weights(self.bound, self.shape, arrays, sample_weight, where, reason)

    def groups_of(self, arrays: Arrays) -> tuple[Array, Array]:
        """The sorted numbers of the groups, and for each sample the index of its group among them."""
        if self.group is None:
            return np.zeros(0, int), np.zeros(0, int)
        return numbered(arrays[self.group])

    def neutralize(self, batch: list[Array], masked: Array) -> None:
        """Replace masked elements, which may be nan, by a valid number of the domain."""
        for at, entry in enumerate(self.inputs):
            if set(self.weight_axes) <= set(entry.axes):
                here = masked.reshape(self.along(entry, masked))
                batch[at] = np.where(here, batch[at].dtype.type(entry.domain.example), batch[at])

    def unflattened(self, values: Array) -> Array:
        """Reshape one axis of values back into the axes that `...` stands for."""
        if ANY_AXES not in self.value_axes:
            return values
        at = self.value_axes.index(ANY_AXES)
        return values.reshape(*values.shape[:at], *self.further, *values.shape[at + 1 :])

    def scatter_values(self, values: Array, kept: Array, present_groups: Array, groups: int) -> Array:
        """Scatter values to the positions of their samples or groups, with 0 for those that do not count."""
        full = np.zeros(self.value_shape(groups=groups), values.dtype)
        if full.shape == values.shape:
            return values
        axis, places = (SAMPLES, kept) if SAMPLES in self.value_axes else (GROUPS, present_groups)
        full[(slice(None),) * self.value_axes.index(axis) + (places,)] = values
        return full

    def outlier(self, entry: Input, at: list[int], got: Any, extent: str, kept: Array) -> InvalidInput:
        """The error for a number outside its domain, with its position in the array of the caller."""
        if ANY_AXES in entry.axes:
            place = entry.axes.index(ANY_AXES)
            at[place : place + 1] = [int(index) for index in np.unravel_index(at[place], self.further)]
        return super().outlier(entry, at, got, extent, kept)
