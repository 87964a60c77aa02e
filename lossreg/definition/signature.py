"""Forms: the kernels of a loss with what their signatures declare."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from math import prod
from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.roles import GIVEN, TARGETS, Role
from lossreg.errors import InvalidDefinition, InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lossreg.definition.annotations import Learned
    from lossreg.definition.domains import Domain
    from lossreg.definition.parameters import Parameter

SAMPLES = "N"
"""The axis of the samples in a batch kernel."""

EXACT = "exact"
"""The name of the second derivative itself among those that a Newton step may use."""

CLASSES = "C"
"""The axis of the classes in a batch kernel; a parameter may have a number for each of them."""


GROUPS = "G"
"""The axis of the groups among the axes of values."""

CALL_ARGUMENTS = ("sample_weight", "where", "denominator", "wrt", "out")
"""The arguments of calls other than inputs."""

INDEPENDENT, BATCH, ANCHORS, COUPLED_GROUPS = "", "batch", "anchors", "groups"
COUPLINGS = (BATCH, ANCHORS, COUPLED_GROUPS)
"""How samples are coupled. batch: the batch has one value; anchors: each sample has a value, which depends on the other
samples; groups: each group has a value, which depends on its samples."""


@dataclass(frozen=True)
class Input:
    """One array that a loss takes: its name and domain, the axis of its rows, and whether it is broadcast.

    A row may have a `width`, a number or one less than the number of classes. An input that is `learned` has an initial
    value. An input of a batch kernel also has the names of its axes; it is `variadic` if it takes all the remaining
    arrays, and `optional` if callers may leave it out; `lengths` names the input with the lengths of its samples, if
    callers may give those concatenated; `kernel_checks` says that the kernel checks its domain.
    """

    name: str
    domain: Domain
    axis: int | None = None
    broadcast: bool = False
    axes: tuple[str, ...] = ()
    variadic: bool = False
    optional: bool = False
    lengths: str = ""
    role: Role | None = None
    width: str = ""
    learned: Learned | None = None
    kernel_checks: bool = False
    extra_classes: int = 0
    """The number of classes minus the length of the row that a label indexes."""

    @property
    def is_target(self) -> bool:
        """Whether the prediction is compared with it."""
        return self.role in TARGETS

    @property
    def description(self) -> str:
        """A description of its numbers, and of what follows from its role."""
        note = self.role.note if self.role else ""
        return f"{self.domain.description}; {note}" if note else self.domain.description

    def initial_value(self, random: Any, sizes: Mapping[str, int]) -> Any:
        """Return the initial value of a learned input, for the sizes of its axes by name, as an array of float64."""
        import numpy as np

        if self.learned is None:
            raise InvalidDefinition(f"{self.name} is not learned")
        missing = [axis for axis in self.axes if not axis.isdecimal() and axis not in sizes]
        if missing:
            raise InvalidParameter(f"{self.name} needs the size of its axis {missing[0]}")
        shape = tuple(int(axis) if axis.isdecimal() else sizes[axis] for axis in self.axes)
        init = self.learned.init
        try:
            made = np.asarray(init(random, shape) if callable(init) else init, np.float64)
            value = np.array(np.broadcast_to(made, shape))
        except Exception as error:
            raise InvalidDefinition(
                f"{self.name}: its initial value of shape {shape} cannot be made: {error}"
            ) from error
        if not np.isfinite(value).all():
            raise InvalidDefinition(f"{self.name}: expected a finite initial value; got {value.tolist()}")
        return value


@dataclass(frozen=True, eq=False)
class Form:
    """One kernel of a loss, with what its signature declares."""

    kernel: Callable[..., Any]
    inputs: tuple[Input, ...]
    slope_rows: tuple[str, ...]
    optional_rows: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    switches: tuple[str, ...]
    omitted: tuple[int, ...] = ()
    hessian: Callable[..., Any] | None = None
    """The second derivative by the first input, in the same inputs and parameters."""
    surrogates: tuple[tuple[str, Callable[..., Any]], ...] = ()
    """By name: what may replace the second derivative in a Newton step; the recommended one first."""
    hessian_product: Callable[..., Any] | None = None
    """The product of a row's Hessian matrix and a vector, which is the input after the others."""
    returned_slopes: int = 0
    """The number of slopes that a kernel by element returns after the value."""
    outputs: tuple[str, ...] = ()
    """What the kernel has slopes of, for kernels whose signature does not say so."""
    couples: str = INDEPENDENT
    """How a batch kernel couples the samples: one of COUPLINGS, or the parameter whose value may be one of them."""
    value_axes: tuple[str, ...] = (SAMPLES,)
    """The axes of the values that a batch kernel returns, as far as its samples are not coupled."""
    weight_axes: tuple[str, ...] | None = (SAMPLES,)
    """The axes of the weights that a batch kernel takes; None if it takes none."""
    multiplicity: bool = False
    """Whether the weight of a sample is how often it counts in all sums, not only what multiplies its value."""
    counts: bool = False
    """Whether a batch kernel also returns what each of its values counts in a mean."""

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters as the kernel gets them."""
        return {parameter.name: parameter.resolve(settings[parameter.name]) for parameter in self.parameters}

    @property
    def shapes(self) -> list[tuple[Any, ...]]:
        """What decides which arrays fit the form: rows, widths, broadcasting and integers, for each input."""
        return [(x.axis, x.axes, x.broadcast, x.width, x.domain.integer) for x in self.inputs]

    @property
    def by_row(self) -> bool:
        """Whether the kernel takes rows."""
        return bool(self.slope_rows)

    @property
    def by_batch(self) -> bool:
        """Whether the kernel takes the arrays of a whole batch."""
        return bool(self.inputs[0].axes)

    def coupling(self, settings: Mapping[str, Any]) -> str:
        """Return how the samples are coupled with these parameters: one of COUPLINGS, or INDEPENDENT."""
        coupling = settings.get(self.couples, self.couples)
        return coupling if coupling in COUPLINGS else INDEPENDENT

    @property
    def plain(self) -> bool:
        """Whether a batch kernel has one value for each sample, to which no other sample contributes."""
        spatial = any(axis == ANY_AXES for entry in self.inputs for axis in entry.axes)
        usual = self.value_axes == self.weight_axes == (SAMPLES,)
        return self.couples == INDEPENDENT and usual and not spatial and not self.counts

    @property
    def learned(self) -> tuple[Input, ...]:
        """The inputs that are trained beside the network."""
        return tuple(entry for entry in self.inputs if entry.role is Role.LEARNED)

    @property
    def hessians(self) -> dict[str, Callable[..., Any] | None]:
        """The second derivative, by the name "exact", and what may replace it; the recommended one first.

        It is None where it is derived from the slope.
        """
        exact = {EXACT: self.hessian} if self.hessian or self.derivable else {}
        return dict(self.surrogates) | exact

    @property
    def derivable(self) -> bool:
        """Whether the second derivative, which is not declared, is derived from the slope of a kernel by element."""
        return not (self.hessian or self.by_row or self.by_batch)

    @property
    def fusible(self) -> bool:
        """Whether a second derivative can be computed beside the value and the slope of the first input."""
        return not self.by_batch and not set(self.slope_rows[1:]) - set(self.optional_rows)

    @cached_property
    def slopes(self) -> tuple[str, ...]:
        """The names of the inputs that the kernel has slopes for: the first inputs, or the first rows."""
        if self.outputs:
            return self.outputs
        if self.by_row:
            return tuple(entry.name for entry in self.inputs if entry.axis is not None)[: len(self.slope_rows)]
        if self.by_batch:
            given = (*TARGETS, *GIVEN)
            return tuple(x.name for x in self.inputs if not x.domain.integer and x.role not in given)
        return tuple(entry.name for entry in self.inputs)[: self.returned_slopes]

    @cached_property
    def fixed_inputs(self) -> int:
        """The number of inputs that are not variadic."""
        return sum(not entry.variadic for entry in self.inputs)

    def kernel_arguments(self, arrays: list[Any]) -> list[Any]:
        """Return the arrays as a batch kernel takes them: None for omitted inputs, variadic ones as one tuple."""
        fixed = self.fixed_inputs
        arguments = [*arrays] if fixed == len(arrays) else [*arrays[:fixed], tuple(arrays[fixed:])]
        for at in self.omitted:
            arguments.insert(at, None)
        return arguments

    def call(self, arrays: list[Any], weight: Any, slopes: dict[str, Any], parameters: Mapping[str, Any]) -> Any:
        """Call a batch kernel: with its inputs, the weights if it takes any, the slopes to fill, and parameters."""
        weights = [] if self.weight_axes is None else [weight]
        return self.kernel(*self.kernel_arguments(arrays), *weights, slopes, **parameters)

    @cached_property
    def slope_inputs(self) -> tuple[int, ...]:
        """For each slope, the position of the input that it is by; the first input, for second derivatives."""
        places = {entry.name: at for at, entry in enumerate(self.inputs)}
        return tuple(places.get(name, 0) for name in self.slopes)

    @property
    def default_wrt(self) -> tuple[str, ...]:
        """The inputs that gradients are computed of by default: those with a slope, except targets."""
        targets = {entry.name for entry in self.inputs if entry.is_target}
        return tuple(name for name in self.slopes if name not in targets)


@lru_cache(1024)
def variants(form: Form, arrays: int) -> tuple[Form, ...]:
    """Return the form for a number of arrays, with and without its optional inputs; variadic inputs are split."""
    found = []
    optional = tuple(at for at, entry in enumerate(form.inputs) if entry.optional)
    for omitted in ((), optional) if optional else ((),):
        inputs = [entry for at, entry in enumerate(form.inputs) if at not in omitted]
        remaining = arrays - len(inputs) + 1
        if remaining == 1 or (remaining > 1 and inputs[-1].variadic):
            fixed = inputs[:-1] if inputs[-1].variadic else inputs
            rest = [replace(inputs[-1], name=f"{inputs[-1].name}[{at}]") for at in range(arrays - len(fixed))]
            found.append(replace(form, inputs=(*fixed, *rest), omitted=omitted))
    return tuple(found)


def any_axes(axes: tuple[str, ...], rank: int) -> slice:
    """Return which axes of an array `...` stands for among the named axes of an input."""
    start = axes.index(ANY_AXES)
    return slice(start, start + rank - len(axes) + 1)


def flatten_any_axes(x: Any, axes: tuple[str, ...]) -> Any:
    """Reshape the axes of an array that `...` stands for into one."""
    if ANY_AXES not in axes:
        return x
    at = any_axes(axes, x.ndim)
    return x.reshape(*x.shape[: at.start], prod(x.shape[at]), *x.shape[at.stop :])
