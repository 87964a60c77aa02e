"""Forms: one kernel of a loss each, and what its signature says; the kernel in plain Python."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin

from lossreg.definition.domains import Axes, Broadcast, Domain, Shares, SlopeArrays, SlopeRow
from lossreg.definition.parameters import UNION, Parameter, along, domain_of, read_signature, switches_of
from lossreg.definition.second_derivative import HESSIAN, fused
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Mark = TypeVar("Mark")

TARGETS = ("target", "label", "labels")
"""What the input is called that a prediction is compared with."""

TARGET = "target"
"""The input that gets a gradient only where one is asked for."""

SAMPLES = "N"
"""The axis of the samples, in a kernel of whole arrays."""

MOST_SLOPES = 3
"""How many slopes an elementwise kernel may return; lossreg.kernels.loops.scalar stores so many."""


@dataclass(frozen=True)
class Input:
    """One array that a loss is given: its name and domain, the axis of its rows, and whether it may be smaller.

    Of a kernel of whole arrays the names of its axes, whether it is all the arrays that are left, whether it may be
    left out, and the input that says how long its samples are, if they may come one after the other.
    """

    name: str
    domain: Domain
    axis: int | None = None
    shared: bool = False
    axes: tuple[str, ...] = ()
    several: bool = False
    optional: bool = False
    lengths: str = ""


@dataclass(frozen=True, eq=False)
class Form:
    """One kernel of a loss, and what its signature says."""

    kernel: Callable[..., Any]
    inputs: tuple[Input, ...]
    slope_rows: tuple[str, ...]
    optional_rows: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    switches: tuple[str, ...]
    left_out: tuple[int, ...] = ()
    hessian: Callable[..., Any] | None = None
    """The second derivative by the first input, in the same inputs and parameters."""
    outputs: tuple[str, ...] = ()
    """What the kernel has slopes of, where its signature does not say so."""

    @classmethod
    def read(cls, kernel: Callable[..., Any]) -> Form:
        """Read a kernel's signature; raises InvalidDefinition where it cannot be one."""
        supplied, parameters = read_signature(kernel)
        if any(mark(annotation, Axes) for annotation in supplied.values()):
            return cls.read_whole(kernel, supplied, parameters)
        slopes = [name for name, annotation in supplied.items() if is_slope(annotation)]
        inputs: list[Input] = []
        for name, annotation in supplied.items():
            if name in slopes:
                continue
            domain = domain_of(annotation)
            if domain is None:
                raise InvalidDefinition(f"{kernel.__name__}: input {name} needs a domain, such as Real or Row[Real]")
            inputs.append(Input(name, domain, along(annotation), mark(annotation, Broadcast) is not None))
        optional = tuple(name for name in slopes if get_origin(supplied[name]) in UNION)
        form = cls(kernel, tuple(inputs), tuple(slopes), optional, parameters, switches_of(kernel, parameters))
        rows = [entry.name for entry in inputs if entry.axis is not None]
        if not inputs or list(supplied) != [entry.name for entry in inputs] + slopes:
            raise InvalidDefinition(f"{kernel.__name__}: expected inputs, then slope rows; got {', '.join(supplied)}")
        if len(slopes) > len(rows) or (rows and not slopes):
            raise InvalidDefinition(
                f"{kernel.__name__}: expected a slope row for each row with a gradient; got {slopes} for {rows}",
            )
        return form

    @classmethod
    def read_whole(
        cls, kernel: Callable[..., Any], supplied: dict[str, Any], parameters: tuple[Parameter, ...]
    ) -> Form:
        """Read the signature of a kernel of whole arrays."""
        arrays, last = list(supplied.items())[:-2], list(supplied.values())[-2:]
        if not arrays or not mark(last[0], Shares) or not mark(last[1], SlopeArrays):
            told = "expected inputs, a Share and Slopes"
            raise InvalidDefinition(f"{kernel.__name__}: {told}; got {', '.join(supplied)}")
        inputs = []
        for name, given in arrays:
            optional = get_origin(given) in UNION
            annotation = get_args(given)[0] if optional else given
            axes = mark(annotation, Axes)
            if axes is None:
                raise InvalidDefinition(f'{kernel.__name__}: input {name} needs its axes, such as Axes("N D")')
            several = get_origin(get_args(annotation)[0]) is tuple
            inputs.append(
                Input(name, axes.domain, axes=axes.names, several=several, optional=optional, lengths=axes.lengths)
            )
        return cls(kernel, tuple(inputs), (), (), parameters, ())

    def resolve(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters as the kernel gets them."""
        return {parameter.name: parameter.resolve(settings[parameter.name]) for parameter in self.parameters}

    @property
    def by_row(self) -> bool:
        """Whether the kernel takes rows, and not single elements."""
        return bool(self.slope_rows)

    @property
    def whole(self) -> bool:
        """Whether the kernel takes whole arrays."""
        return bool(self.inputs[0].axes)

    def with_hessian(self, settings: Mapping[str, Any]) -> Form:
        """The form whose kernel gives value, slope and second derivative by the first input, in one pass.

        Parameters that choose a branch have the values in `settings` for good, and are none of its parameters.

        Raises InvalidDefinition where the kernel has no hessian.
        """
        if self.hessian is None:
            raise InvalidDefinition(f"{self.kernel.__name__}: no second derivative is declared")
        first = self.inputs[0].name
        rows = (self.slope_rows[0], HESSIAN) if self.by_row else ()
        values = self.resolve(settings)
        switches = {name: values[name] for name in self.switches}
        kernel = fused(self.kernel, self.hessian, switches, by_row=self.by_row)
        parameters = tuple(parameter for parameter in self.parameters if parameter.name not in switches)
        return replace(
            self,
            kernel=kernel,
            slope_rows=rows,
            optional_rows=(),
            hessian=None,
            parameters=parameters,
            switches=(),
            outputs=(first, HESSIAN),
        )

    @cached_property
    def slopes(self) -> tuple[str, ...]:
        """The names of the inputs that the kernel has slopes for: the first ones, of rows the first rows."""
        if self.outputs:
            return self.outputs
        if self.by_row:
            return tuple(entry.name for entry in self.inputs if entry.axis is not None)[: len(self.slope_rows)]
        if self.whole:
            return tuple(x.name for x in self.inputs if not x.domain.integer and x.name not in TARGETS)
        outcome = self.kernel(*(entry.domain.example for entry in self.inputs))
        most = min(len(self.inputs), MOST_SLOPES)
        if not isinstance(outcome, tuple) or not 1 < len(outcome) <= most + 1:
            raise InvalidDefinition(f"{self.kernel.__name__}: expected a value and 1 to {most} slopes, got {outcome!r}")
        return tuple(entry.name for entry in self.inputs)[: len(outcome) - 1]

    def packed(self, arrays: list[Any]) -> list[Any]:
        """The arrays as the kernel takes them: None for what is left out, those that are left as one tuple."""
        left = sum(entry.several for entry in self.inputs)
        packed = [*arrays[: len(arrays) - left], tuple(arrays[len(arrays) - left :])] if left else [*arrays]
        for at in self.left_out:
            packed.insert(at, None)
        return packed

    @property
    def graded(self) -> tuple[str, ...]:
        """The names of the inputs that get a gradient unless others are asked for: those with a slope but a target."""
        return tuple(name for name in self.slopes if name != TARGET)


@cache
def variants(form: Form, arrays: int) -> tuple[Form, ...]:
    """The form for so many arrays: with its optional inputs or without, and one input for each array left."""
    found = []
    optional = tuple(at for at, entry in enumerate(form.inputs) if entry.optional)
    for left_out in ((), optional) if optional else ((),):
        inputs = [entry for at, entry in enumerate(form.inputs) if at not in left_out]
        left = arrays - len(inputs) + 1
        if left == 1 or (left > 1 and inputs[-1].several):
            fixed = inputs[:-1] if inputs[-1].several else inputs
            rest = [replace(inputs[-1], name=f"{inputs[-1].name}[{at}]") for at in range(arrays - len(fixed))]
            found.append(replace(form, inputs=(*fixed, *rest), left_out=left_out))
    return tuple(found)


def mark(annotation: Any, kind: type[Mark]) -> Mark | None:
    """What of a kind an annotation is marked with."""
    return next((found for found in getattr(annotation, "__metadata__", ()) if isinstance(found, kind)), None)


def is_slope(annotation: Any) -> bool:
    """Whether an argument is a row of slopes, or one that may be None."""
    if get_origin(annotation) in UNION:
        return any(map(is_slope, get_args(annotation)))
    return mark(annotation, SlopeRow) is not None


def evaluate(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """The value and slopes of one element, row or sample, by the kernel as it stands, in the numbers it is given."""
    parameters = form.resolve(parameters)
    if form.whole:
        fitting = (v for v in variants(form, len(point)) if all(map(is_sample, point, v.inputs)))
        return evaluate_whole(next(fitting), point, parameters)
    if not form.by_row:
        outcome: tuple[Any, ...] = form.kernel(*point, **parameters)
        return outcome
    rows = [row for row, entry in zip(point, form.inputs, strict=True) if entry.axis is not None]
    named = {entry.name: row for row, entry in zip(point, form.inputs, strict=True)}
    slopes = [[x * 0 for x in named.get(name, rows[0])] for name in form.slopes]
    wide = {p.name for p in form.parameters if along(p.annotation) is not None}
    given = {
        name: [value] * len(rows[0]) if name in wide and not isinstance(value, list | tuple) else value
        for name, value in parameters.items()
    }
    return (form.kernel(*point, *slopes, **given), *slopes)


def is_sample(given: Any, entry: Input) -> bool:
    """Whether an array, or list of lists, has the axes of an input but that of the samples."""
    import numpy as np

    return np.ndim(given) == sum(axis != SAMPLES for axis in entry.axes)


def evaluate_whole(form: Form, sample: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """The value and slopes of a batch of one sample."""
    import numpy as np

    kinds = (np.int64 if entry.domain.integer else np.float64 for entry in form.inputs)
    arrays = [np.array(x, kind) for x, kind in zip(sample, kinds, strict=True)]
    places = [entry.axes.index(SAMPLES) if SAMPLES in entry.axes else None for entry in form.inputs]
    batch = [x if at is None else np.expand_dims(x, at) for x, at in zip(arrays, places, strict=True)]
    slopes = {entry.name: np.zeros_like(x) for entry, x in zip(form.inputs, batch, strict=True)}
    wanted = {name: slopes[name] for name in form.slopes}
    value = form.kernel(*form.packed(batch), np.ones(1), wanted, **parameters)
    own = {entry.name: x.shape for entry, x in zip(form.inputs, arrays, strict=True)}
    return (float(value[0]), *(slopes[name].reshape(own[name]).tolist() for name in form.slopes))
