"""A form of a loss with the parameters and the reduction of a criterion: what calls need that no array decides."""

from __future__ import annotations

from math import frexp, isfinite, ldexp
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import shown
from lossreg.criterion.shapes import expanded
from lossreg.definition.parameters import Parameter
from lossreg.definition.roles import Role
from lossreg.definition.signature import BATCH, COUPLED_GROUPS, GROUPS, INDEPENDENT, SAMPLES
from lossreg.errors import InvalidParameter, listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lossreg.definition.signature import Form

    Array = np.ndarray[Any, Any]

LEAST, MOST = 2.0**-100, 2.0**100
"""The range in which products and sums of parameters neither overflow nor underflow in float32."""


class BoundForm:
    """A form of a loss, the values of its parameters, and what follows from them.

    settings, resolved: the values of the parameters as callers set them, and as the kernel gets them.
    switches, parameters: the values of the parameters that choose a branch of the kernel, and the other parameters
        with theirs.
    graded_inputs: the positions of the inputs that get a gradient by default.
    ignored, label: the label to ignore, and the position of the input with labels; None if there is none.
    also_ignored: further labels to ignore, whose rows `without_ignored` masks.
    weight: the product of the scalar parameters with the role weight, by which a mean divides.
    weights: the parameter with that role that is an array, by class or of the loss's own shape; `weighted` is its name.
    unit: the power of two by which weights out of the range above are divided before the kernel gets them.
    coupling: how the samples of a batch are coupled; see `lossreg.definition.signature.COUPLINGS`.
    wide: whether a parameter is out of the range of float32, so that float64 is used.
    checked: whether an input has a domain that excludes some numbers.
    """

    def __init__(self, loss: str, reduction: str, form: Form, settings: Mapping[str, Any]) -> None:
        self.loss, self.reduction, self.form, self.settings = loss, reduction, form, settings
        self.by_row, self.slopes, self.graded = form.by_row, form.slopes, form.default_wrt
        self.slope_inputs = form.slope_inputs
        by_default = [at for name, at in zip(form.slopes, form.slope_inputs, strict=True) if name in form.default_wrt]
        self.graded_inputs = tuple(dict.fromkeys(by_default))
        self.coupling = form.coupling(settings) if form.by_batch else INDEPENDENT
        check_reduction(self)
        self.also_ignored: tuple[int, ...] = ()
        self.resolved = values = form.resolve(settings)
        self.switches = tuple([values[name] for name in form.switches])
        self.ignored: int | None = None
        self.weight, self.unit, self.weighted = 1.0, 1.0, ""
        self.weights: Array | None = None
        self.wide = False
        kept: list[tuple[Parameter, Any]] = []
        for parameter in form.parameters:
            value = values[parameter.name]
            if parameter.role is Role.IGNORED_LABEL:
                if isinstance(value, tuple):
                    value, *others = value
                    values[parameter.name], self.also_ignored = value, tuple(others)
                self.ignored = value
            if parameter.role is Role.WEIGHT:
                value = self.weigh(parameter.name, value)
            if parameter.name not in form.switches:
                kept.append((parameter, value))
                self.wide = self.wide or out_of_range(settings[parameter.name])
        self.parameters = tuple(kept)
        self.has_arrays = any(isinstance(value, np.ndarray) for _, value in kept)
        self.label: int | None = None
        self.checked = False
        for at, entry in enumerate(form.inputs):
            self.checked = self.checked or entry.domain.integer or entry.domain.bounded
            if entry.role is Role.LABEL:
                self.label = at

    def weigh(self, name: str, value: Any) -> Any:
        """Record a weight by which a mean divides; return it divided by `unit`, as the kernel takes it."""
        largest = float(np.max(np.abs(value), initial=0.0))
        if out_of_range(value) and largest > 0:
            exponent = frexp(largest)[1] - 1
            value = np.ldexp(value, -exponent) if isinstance(value, np.ndarray) else ldexp(value, -exponent)
            self.unit = ldexp(self.unit, exponent)
        self.weighted = name
        if isinstance(value, np.ndarray):
            self.weights = value
        else:
            self.weight *= value
        return value

    def without_ignored(self, arrays: Sequence[Array], where: Array | None) -> Array:
        """The mask of a call, without the rows whose label is one of `also_ignored`."""
        labels = arrays[self.label or 0]
        counts = np.ones(labels.shape, np.bool_) if where is None else expanded(where, labels.shape).copy()
        for each in self.also_ignored:
            counts &= labels != each
        return counts

    @property
    def value_axes(self) -> tuple[str, ...]:
        """The axes of the values of a batch kernel; the value of a coupled batch has no axis of samples."""
        if self.coupling == BATCH:
            return tuple(axis for axis in self.form.value_axes if axis != SAMPLES)
        if self.coupling == COUPLED_GROUPS:
            return tuple(GROUPS if axis == SAMPLES else axis for axis in self.form.value_axes)
        return self.form.value_axes


def check_reduction(bound: BoundForm) -> None:
    """Raise InvalidParameter for a reduction that has no meaning for coupled samples."""
    if bound.coupling == INDEPENDENT:
        return
    single = not bound.value_axes
    allowed = ("sum", "mean") if single else ("none", "sum", "mean")
    if bound.reduction not in allowed:
        why = "all samples of a batch have one common value" if single else "its samples are coupled"
        raise InvalidParameter(
            f"{bound.loss}: expected a reduction of {listed(allowed)}, as {why}; got {bound.reduction}"
        )


def out_of_range(value: Any) -> bool:
    """Whether a parameter has a finite number, other than 0, outside the range from LEAST to MOST."""
    if isinstance(value, float):
        return value != 0 and isfinite(value) and not LEAST <= abs(value) <= MOST
    if not isinstance(value, np.ndarray):
        return False
    sizes = np.abs(value[np.isfinite(value) & (value != 0)])
    return bool(((sizes < LEAST) | (sizes > MOST)).any())


class ArrayParameter(Parameter):
    """A parameter of a loss that may be a number or an array of numbers."""

    def accept(self, value: Any) -> Any:
        """Convert `value` to its plain form, or to a read-only float64 array; raises InvalidParameter."""
        if not (isinstance(value, list | tuple) or getattr(value, "shape", None)):
            return super().accept(value)
        try:
            array = np.array(value, np.float64)
        except (TypeError, ValueError):
            array = np.array(np.nan)
        inside = np.asarray(self.domain and self.domain.contains(array))
        empty_list = not array.size and isinstance(value, list | tuple)
        if empty_list or not inside.all():  # an empty array fits an empty batch
            at = [int(index) for index in np.argwhere(~inside)[0]] if array.size and inside.ndim else []
            got = f"{array[tuple(at)]} at {at}" if at else shown(value)
            raise InvalidParameter(f"{self.name}: expected {self.allowed}, got {got}")
        array.flags.writeable = False
        return array
