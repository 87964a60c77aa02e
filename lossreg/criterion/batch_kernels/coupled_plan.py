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
from lossreg.criterion.batch_kernels.batch_plan import BatchPlan, ones, positions
from lossreg.criterion.batch_kernels.groups import numbered, weights_of_groups
from lossreg.criterion.batch_kernels.hidden_elements import replace_hidden, scattered, without_hidden
from lossreg.criterion.shapes import expanded
from lossreg.criterion.weights import non_negative_weights
from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.plain_python.checked_batch import run_batch_kernel
from lossreg.definition.roles import Role
from lossreg.definition.signature import (
    ANCHORS,
    BATCH,
    COUPLED_GROUPS,
    GROUPS,
    INDEPENDENT,
    SAMPLES,
    flatten_any_axes,
)
from lossreg.errors import InvalidInput, InvalidParameter
from lossreg.kernels.batches.small_arrays import sum_of
from lossreg.kernels.drivers.batch_kernel import Outside
from lossreg.kernels.drivers.short_floats import rounded

if TYPE_CHECKING:
    from lossreg.criterion.checked_call import Call
    from lossreg.definition.signature import Input

    Array = np.ndarray[Any, Any]
    Arrays = tuple[Array, ...]
COUPLED = "its samples are coupled"  # in messages
NO_GROUP = np.zeros(0, int)


class Computed(NamedTuple):
    """The values of all samples or groups, the sum of their counts, the factor of the mean, and the slopes.

    Values and slopes are 0 for samples that are masked.
    """

    values: Array
    total_count: float
    scale: float
    slopes: list[Array]


class CoupledPlan(BatchPlan):
    """How a batch kernel with coupled samples, or with values of further axes, computes calls with the same signature.

    elementwise: whether the weights are by element, such as a pixel, rather than by sample.
    """

    def __init__(self, call: Call) -> None:
        super().__init__(call)
        form = call.bound.form
        self.coupling, self.value_axes = call.bound.coupling, call.bound.value_axes
        self.further = further_axes(form, call.arrays)
        self.weight_axes = form.weight_axes or (SAMPLES,)
        self.elementwise = self.weight_axes != (SAMPLES,)
        self.group = next((at for at, entry in enumerate(self.inputs) if entry.role is Role.GROUP), None)
        # An anchor of weight 0 has no value of its own, but other anchors are still compared with it.
        self.keeps_weightless = self.coupling == ANCHORS and not form.multiplicity
        self.counts_all = call.sample_weight is None and call.where is None and self.bound.ignored is None
        # Whether a mean divides by the weights of the samples, rather than by the number of values.
        self.by_weight = not (self.coupling == BATCH or self.elementwise or form.weight_axes is None)
        self.by_group = self.coupling == COUPLED_GROUPS and not form.multiplicity
        self.value_count = prod(self.value_shape(self.batch, 0))
        flat = [flatten_any_axes(x, entry.axes) for x, entry in zip(call.arrays, self.inputs, strict=True)]
        # The inputs with `...`, and their shapes with that as one axis.
        self.flattened = [(at, x.shape) for at, x in enumerate(flat) if ANY_AXES in self.inputs[at].axes]
        # The shape of the weights with one axis for `...`, and of the values where all samples count, without groups.
        self.weight_shape = (self.batch, *[self.sizes[axis] for axis in self.weight_axes[1:]])
        self.full_shape = self.value_shape(self.batch, 0)

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
                f"{self.bound.loss}: takes no denominator: {COUPLED}, so the losses of parts of a batch do not add up "
                "to that of the batch"
            )
        out = (out,) if out is not None and out.__class__ is not tuple else out
        with errstate(all="ignore"):  # inf and nan propagate without warnings, as in compiled loops
            computed = self.compute(arrays, sample_weight, where, denominator, self.graded_inputs)
            scale, grads = computed.scale, []
            for number, (shape, kind) in enumerate(self.gradients):
                slope = computed.slopes[number]
                if scale != 1 and self.bound.form.counts:  # the kernel was called before the counts were known
                    slope *= self.real(scale)
                grad = rounded(slope if slope.shape == shape else slope.reshape(shape), kind)
                if out is not None:
                    out[number][...] = grad
                    grad = out[number]
                grads.append(grad)
            if self.each:
                value: Any = computed.values.astype(self.kind)
            else:
                value = self.result(sum_of(computed.values) * scale)
        return value, grads[0] if len(grads) == 1 else tuple(grads)

    def denominator(self, arrays: Arrays, sample_weight: Array | None, where: Array | None) -> float:
        """The divisor of the reduction; raises InvalidParameter for coupled samples."""
        if self.coupling != INDEPENDENT:
            raise InvalidParameter(f"{self.bound.loss}: has no denominator for parts of a batch: {COUPLED}")
        with errstate(all="ignore"):
            computed = self.compute(arrays, sample_weight, where, None, ())
        return float(self.reduce(computed.total_count, self.value_count, self.batch))

    def value_shape(self, samples: int, groups: int) -> tuple[int, ...]:
        """The shape of the values of so many samples and groups."""
        sizes = {**self.sizes, SAMPLES: samples, GROUPS: groups}
        return tuple([sizes[axis] for axis in self.value_axes])

    def scale_of(self, count: float, denominator: Any) -> float:
        """The factor of the sum of values that count so much together."""
        if self.each:
            return 1.0
        divisor = self.reduce(count, self.value_count, self.batch)
        if denominator is not None:
            divisor = self.checked(denominator, divisor)
        return 1.0 / divisor if divisor else 0.0

    def compute(
        self,
        arrays: Arrays,
        sample_weight: Array | None,
        where: Array | None,
        denominator: Any,
        graded: tuple[int, ...],
    ) -> Computed:
        """Run the kernel on the samples that count; the values and slopes of others are 0."""
        batch = [*arrays]
        for at, flat in self.flattened:
            batch[at] = batch[at].reshape(flat)
        if self.counts_all:
            weights = NO_GROUP if self.by_group else ones(self.weight_shape, self.real)
            kept, count = None, self.batch
        else:
            weights = non_negative_weights(self.bound, self.shape, arrays, sample_weight, where, COUPLED)
            kept = self.kept_by(weights, where)
            count = len(weights) if kept is None else len(kept)
        ids, members = (NO_GROUP, NO_GROUP) if self.group is None else numbered(arrays[self.group])
        shapes = [batch[at].shape for at in graded]
        if not count:
            values = np.zeros(self.value_shape(self.batch, len(ids)), self.real)
            slopes = [np.zeros(shape, self.real) for shape in shapes]
            return Computed(self.unflattened(values), 0.0, self.scale_of(0.0, denominator), slopes)
        self.select(batch, kept)
        hidden = None
        if not self.counts_all:
            weights = (weights if kept is None else weights[kept]).reshape(count, *self.weight_shape[1:])
            if self.elementwise and not weights.all():
                hidden = weights == 0
                replace_hidden(batch, self.inputs, self.weight_axes, hidden)
        self.check(batch, kept)
        present: Any = range(len(ids))
        if self.group is not None:
            present, members = (present, members) if kept is None else numbered(members[kept])
            batch[self.group] = members
            if self.by_group:
                given = None if sample_weight is None else weights
                weights = weights_of_groups(self.bound.loss, given, members, len(present), self.real)
        weights = weights if weights.dtype == self.real else weights.astype(self.real)
        filled = {self.names[at]: np.empty(batch[at].shape, self.real) for at in graded}
        shape = self.full_shape if kept is None and self.group is None else self.value_shape(count, len(present))
        try:
            values, total, scale = self.call_kernel(batch, weights, filled, shape, denominator)
        except Outside as error:
            raise self.outlier_of(error, kept) from None
        slopes = [*filled.values()]
        if kept is not None or hidden is not None:
            values = self.scatter_values(values, kept, present, len(ids))
            slopes = [
                self.scatter_slope(slope, full, self.inputs[at], hidden, kept)
                for slope, full, at in zip(slopes, shapes, graded, strict=True)
            ]
        return Computed(self.unflattened(values), total, scale, slopes)

    def call_kernel(
        self, batch: list[Array], weights: Array, slopes: dict[str, Array], shape: tuple[int, ...], denominator: Any
    ) -> tuple[Array, float, float]:
        """Call the kernel; return the values of the samples that count, the sum of their counts, and the scale.

        The slopes are multiplied by the scale, unless the kernel returns the counts.
        """
        form = self.bound.form
        if form.counts:
            values, counts = run_batch_kernel(form, batch, weights, slopes, self.parameters, shape)
            total = float(np.asarray(counts).sum(dtype=np.float64))
            return values, total, self.scale_of(total, denominator)
        total = float(prod(shape))
        if self.by_weight and not self.counts_all:
            total = float(weights.sum(dtype=np.float64)) * (total / len(weights))
        scale = self.scale_of(total, denominator)
        return run_batch_kernel(form, batch, weights, slopes, self.parameters, shape, scale), total, scale

    def scatter_slope(
        self, slope: Array, shape: tuple[int, ...], entry: Input, hidden: Array | None, kept: Array | None
    ) -> Array:
        """Scatter the slopes of an input to the positions of its samples, with 0 for those that do not count."""
        if hidden is not None:
            slope = without_hidden(slope, entry, self.weight_axes, hidden)
        return slope if slope.shape == shape else scattered(slope, shape, entry.axes.index(SAMPLES), kept)

    def kept_by(self, weights: Array, where: Array | None) -> Array | None:
        """The positions of the samples that are passed to the kernel; None if all are."""
        if not self.keeps_weightless:
            return positions(weights.reshape(len(weights), -1).any(axis=1) if weights.size else np.zeros(0, bool))
        return None if where is None else positions(expanded(where, self.shape))

    def unflattened(self, values: Array) -> Array:
        """Reshape one axis of values back into the axes that `...` stands for."""
        if ANY_AXES not in self.value_axes:
            return values
        at = self.value_axes.index(ANY_AXES)
        return values.reshape(*values.shape[:at], *self.further, *values.shape[at + 1 :])

    def scatter_values(self, values: Array, kept: Array | None, present: Any, groups: int) -> Array:
        """Scatter values to the positions of their samples or groups, with 0 for those that do not count."""
        if kept is None:
            return values
        shape = self.value_shape(self.batch, groups)
        if values.shape == shape:
            return values
        axis, places = (SAMPLES, kept) if SAMPLES in self.value_axes else (GROUPS, present)
        return scattered(values, shape, self.value_axes.index(axis), places)

    def outlier(self, entry: Input, at: list[int], got: Any, extent: str, kept: Array | None) -> InvalidInput:
        """The error for a number outside its domain, with its position in the array of the caller."""
        if ANY_AXES in entry.axes:
            place = entry.axes.index(ANY_AXES)
            at[place : place + 1] = [int(index) for index in np.unravel_index(at[place], self.further)]
        return super().outlier(entry, at, got, extent, kept)
