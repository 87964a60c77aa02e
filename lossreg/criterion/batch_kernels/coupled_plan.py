"""The plan of a batch kernel whose values are not one for each independent sample.

Its samples may be coupled, so that the value is one of the batch, of each group, or of each sample as an anchor among
the others; or its values are by sample and class, or its weights by pixel. What is masked is left out before the kernel
runs. A mean divides by what the kernel says that its values count, by the weights of the anchors, or by the number of
values.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy import errstate

from lossreg.criterion.batch_kernels.batch_check import further_axes
from lossreg.criterion.batch_kernels.batch_plan import BatchPlan
from lossreg.criterion.checked_call import gradient_type
from lossreg.criterion.weights import expanded
from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.plain_python.checked_batch import run_batch_kernel
from lossreg.definition.roles import Role
from lossreg.definition.signature import ANCHORS, BATCH, CLASSES, COUPLED_GROUPS, GROUPS, INDEPENDENT, SAMPLES
from lossreg.errors import InvalidInput, InvalidParameter

if TYPE_CHECKING:
    from lossreg.criterion.checked_call import Call
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]


class Computed(NamedTuple):
    """What a kernel gave: the values of all samples or groups, 0 where masked, and what they count together."""

    values: Array
    total_count: float


class CoupledPlan(BatchPlan):
    """How calls like one are computed by a batch kernel whose samples are coupled, or whose values have further axes.

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
        # The weight of an anchor is that of its value; it is still there for others to be compared with.
        self.keeps_weightless = self.coupling == ANCHORS and not form.multiplicity

    def run(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        out: Any,
        unit: float = 1.0,  # noqa: ARG002  of extreme weights, which are not brought into another unit here
    ) -> tuple[Any, Any]:
        """Run the kernel on the samples that count; see `Plan.run`."""
        if denominator is not None and self.coupling != INDEPENDENT:
            raise InvalidParameter(
                f"{self.bound.loss}: takes no denominator: its samples are coupled, so the losses of parts of a batch "
                "do not add up to that of the batch"
            )
        out = (out,) if out is not None and out.__class__ is not tuple else out
        slopes = {self.inputs[at].name: np.empty(0) for at in self.graded_inputs}
        computed = self.compute(arrays, sample_weight, where, slopes)
        divisor = self.reduce(computed.total_count, prod(self.value_shape()), self.batch)
        if denominator is not None:
            divisor = self.checked(denominator, divisor)
        scale = 1.0 if self.each else 1.0 / divisor if divisor else 0.0
        grads = []
        for number, at in enumerate(self.graded_inputs):
            x, slope = arrays[at], slopes[self.inputs[at].name]
            if scale != 1:
                slope *= self.real(scale) if scale else slope.dtype.type(0)
            grad = slope.reshape(x.shape).astype(gradient_type(x), copy=False)
            if out is not None:
                out[number][...] = grad
                grad = out[number]
            grads.append(grad)
        with errstate(all="ignore"):  # a number that the type cannot hold is inf in it
            if self.each:
                value: Any = computed.values.astype(self.kind)
            else:
                value = self.kind.type(float(computed.values.sum(dtype=np.float64)) * scale)
        return value, grads[0] if len(grads) == 1 else tuple(grads)

    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:
        """What the reduction divides the sum by; raises InvalidParameter for coupled samples."""
        if self.coupling != INDEPENDENT:
            raise InvalidParameter(
                f"{self.bound.loss}: has no denominator for parts of a batch: its samples are coupled"
            )
        count = self.compute(arrays, sample_weight, where, {}).total_count
        return float(self.reduce(count, prod(self.value_shape()), self.batch))

    def value_shape(self, samples: int | None = None, groups: int = 0) -> tuple[int, ...]:
        """The shape of the values, for all samples or as many as are given."""
        shape: tuple[int, ...] = ()
        for axis in self.value_axes:
            if axis == SAMPLES and samples is not None:
                shape += (samples,)
            elif axis == GROUPS:
                shape += (groups,)
            else:
                shape += (self.sizes[axis],)
        return shape

    def compute(
        self, arrays: Arrays, sample_weight: Array | None, where: Array | None, slopes: dict[str, Array]
    ) -> Computed:
        """Run the kernel on the samples that count, and put its slopes at their places in `slopes`, 0 elsewhere."""
        weights = self.weights_of(arrays, sample_weight, where)
        kept = self.samples_kept(weights, where)
        flat = [self.flattened(x, entry) for x, entry in zip(arrays, self.inputs, strict=True)]
        for name in slopes:
            at = [entry.name for entry in self.inputs].index(name)
            slopes[name] = np.zeros(flat[at].shape, self.real)
        ids, members = self.groups_of(arrays)
        if not len(kept):
            return Computed(self.unflattened(np.zeros(self.value_shape(groups=len(ids)), self.real)), 0.0)
        batch = [self.counting(x, entry, kept) for x, entry in zip(flat, self.inputs, strict=True)]
        weights = weights[kept].reshape(len(kept), *[self.sizes[axis] for axis in self.weight_axes[1:]])
        hidden = weights == 0 if self.elementwise else np.zeros(0, bool)
        if hidden.any():
            self.neutralise(batch, hidden)
        for x, entry in zip(batch, self.inputs, strict=True):
            self.check(x, entry, kept)
        groups = np.zeros(0, int)
        if self.group is not None:
            groups, batch[self.group] = np.unique(members[kept], return_inverse=True)
            if self.coupling == COUPLED_GROUPS and not self.bound.form.multiplicity:
                weights = self.weights_of_groups(weights, batch[self.group], len(groups))
        filled = {self.inputs[at].name: np.zeros(batch[at].shape, self.real) for at in self.graded_inputs if slopes}
        shape = self.value_shape(len(kept), len(groups))
        values, count = self.call_kernel(batch, weights.astype(self.real), filled, shape)
        for entry in self.inputs:
            if entry.name in slopes:
                slopes[entry.name] = self.slope_at_places(filled[entry.name], slopes[entry.name], entry, hidden, kept)
        return Computed(self.unflattened(self.at_places(values, kept, groups, len(ids))), count)

    def slope_at_places(self, slope: Array, full: Array, entry: Input, hidden: Array, kept: Array) -> Array:
        """The slopes of an input at the places of its samples, and 0 at those of what does not count."""
        if hidden.any() and set(self.weight_axes) <= set(entry.axes):
            slope = np.where(hidden.reshape(self.along(entry, hidden)), slope.dtype.type(0), slope)
        if slope.shape == full.shape:
            return slope
        full[(slice(None),) * entry.axes.index(SAMPLES) + (kept,)] = slope
        return full

    def along(self, entry: Input, weights: Array) -> tuple[int, ...]:
        """The shape in which weights broadcast to an input that has their axes."""
        axes = self.weight_axes
        return tuple([weights.shape[axes.index(axis)] if axis in axes else 1 for axis in entry.axes])

    def call_kernel(
        self, batch: list[Array], weights: Array, slopes: dict[str, Array], shape: tuple[int, ...]
    ) -> tuple[Array, float]:
        """The values of the samples that count, and what they count together."""
        form = self.bound.form
        with errstate(all="ignore"):
            found = run_batch_kernel(form, batch, weights, slopes, self.parameters, shape)
        values, counts = found if form.counts else (found, None)
        if counts is not None:
            return values, float(np.sum(counts, dtype=np.float64))
        if self.coupling == BATCH or self.elementwise or form.weight_axes is None:
            return values, float(values.size)
        return values, float(weights.sum(dtype=np.float64)) * (values.size / len(weights))

    def samples_kept(self, weights: Array, where: Array | None) -> Array:
        """The positions of the samples that the kernel gets."""
        if self.keeps_weightless:
            return np.flatnonzero(np.ones(len(weights), bool) if where is None else expanded(where, self.shape))
        return np.flatnonzero(weights.reshape(len(weights), -1).any(axis=1) if weights.size else np.zeros(0, bool))

    def weights_of(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> Array:
        """The weights of samples or elements, 0 where they are masked; raises InvalidInput for one below 0 or inf."""
        weights = np.ones(self.shape)
        if sample_weight is not None:
            weights = np.array(expanded(sample_weight, self.shape), np.float64)
        if where is not None:
            weights[~expanded(where, self.shape)] = 0
        if self.bound.label is not None and self.bound.ignored is not None:
            weights[expanded(arrays[self.bound.label], self.shape) == self.bound.ignored] = 0
        outside = ~(np.isfinite(weights) & (weights >= 0))
        if outside.any():
            at = np.argwhere(outside)[0].tolist()
            raise InvalidInput(
                f"{self.bound.loss}: expected a finite sample_weight, 0 or above, as its samples are coupled; got "
                f"{weights[tuple(at)]} at {at}"
            )
        return weights

    def weights_of_groups(self, weights: Array, ids: Array, groups: int) -> Array:
        """The weight of each group, which all of its samples have; raises InvalidInput where they differ."""
        found = np.empty(groups)
        found[ids] = weights
        if not np.array_equal(found[ids], weights):
            raise InvalidInput(f"{self.bound.loss}: expected one sample_weight for all samples of a group")
        return found

    def groups_of(self, arrays: Arrays) -> tuple[Array, Array]:
        """The groups in the order of their numbers, and the position of each sample's group among them."""
        if self.group is None:
            return np.zeros(0, int), np.zeros(0, int)
        return np.unique(arrays[self.group], return_inverse=True)

    def neutralise(self, batch: list[Array], masked: Array) -> None:
        """Put an ordinary number in the place of masked elements, which may be anything, such as nan."""
        for at, entry in enumerate(self.inputs):
            if set(self.weight_axes) <= set(entry.axes):
                here = masked.reshape(self.along(entry, masked))
                batch[at] = np.where(here, batch[at].dtype.type(entry.domain.example), batch[at])

    def flattened(self, x: Array, entry: Input) -> Array:
        """An array with the axes that `...` stands for as one."""
        if ANY_AXES not in entry.axes:
            return x
        named = len(entry.axes) - 1
        return x.reshape(*x.shape[:named], prod(x.shape[named:]))

    def unflattened(self, values: Array) -> Array:
        """Values with the axes that `...` stands for in place of one."""
        return values.reshape(*values.shape[:-1], *self.further) if ANY_AXES in self.value_axes else values

    def at_places(self, values: Array, kept: Array, present_groups: Array, groups: int) -> Array:
        """The values at the places of their samples or groups, and 0 for those that do not count."""
        full = np.zeros(self.value_shape(groups=groups), values.dtype)
        if full.shape == values.shape:
            return values
        axis, places = (SAMPLES, kept) if SAMPLES in self.value_axes else (GROUPS, present_groups)
        full[(slice(None),) * self.value_axes.index(axis) + (places,)] = values
        return full

    def outlier(self, entry: Input, at: list[int], got: Any, extent: str, kept: Array) -> InvalidInput:
        """The error of a number that an input may not have, at its place in what the caller gave."""
        if ANY_AXES in entry.axes:
            at[-1:] = [int(each) for each in np.unravel_index(at[-1], self.further)] if self.further else []
        return super().outlier(entry, at, got, extent, kept)


def batch_plan(call: Call) -> BatchPlan:
    """The plan of a call of a batch kernel."""
    return BatchPlan(call) if call.bound.form.plain else CoupledPlan(call)
