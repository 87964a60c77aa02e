"""`@loss`: the signature of a kernel, read as a loss. Pure data; nothing is compiled here.

A kernel is the mathematics of one element or of one row, in plain Python:

* elementwise: every input is a number; it returns the value, then one slope for each input that has a gradient.
* row: an input is a `Row` or `ClassRow`; it fills a `Slope` row for each row with a gradient, and returns the value.
  A `Slope | None` is None when nobody asked for it, as is usual for a target.

Inputs have no default, parameters have one. A loss whose target comes in several forms has a kernel for each:

    @loss
    def cross_entropy(logits: ClassRow[Real], label: ClassIndex, slope: Slope, ...): ...

    @cross_entropy.form
    def probabilities(logits: ClassRow[Real], target: ClassRow[Unit], slope: Slope, ...): ...
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lossreg.component import Component
from lossreg.domains import REAL, Broadcast, Domain, SlopeRow
from lossreg.errors import InvalidDefinition
from lossreg.parameters import UNION, Parameter, along, domain_of, read_signature, switches_of

if TYPE_CHECKING:
    from collections.abc import Callable


TARGETS = ("target", "label", "labels")
"""What the input is called that a prediction is compared with."""

TARGET = "target"
"""The input that gets a gradient only where one is asked for."""

MOST_SLOPES = 3
"""How many slopes an elementwise kernel may return; lossreg.kernels.templates stores so many."""


@dataclass(frozen=True)
class Input:
    """One array that a loss is given: its name and domain, the axis of its rows, and whether it may be smaller."""

    name: str
    domain: Domain
    axis: int | None
    shared: bool = False


@dataclass(frozen=True, eq=False)
class Form:
    """One kernel of a loss, and what its signature says."""

    kernel: Callable[..., Any]
    inputs: tuple[Input, ...]
    slope_rows: tuple[str, ...]
    optional_rows: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    switches: tuple[str, ...]

    @classmethod
    def read(cls, kernel: Callable[..., Any]) -> Form:
        """Read a kernel's signature; raises InvalidDefinition where it cannot be one."""
        supplied, parameters = read_signature(kernel)
        slopes = [name for name, annotation in supplied.items() if is_slope(annotation)]
        inputs: list[Input] = []
        for name, annotation in supplied.items():
            if name in slopes:
                continue
            domain = domain_of(annotation)
            if domain is None:
                raise InvalidDefinition(f"{kernel.__name__}: input {name} needs a domain, such as Real or Row[Real]")
            marks = getattr(annotation, "__metadata__", ())
            shared = any(isinstance(mark, Broadcast) for mark in marks)
            inputs.append(Input(name, domain, along(annotation), shared))
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

    @property
    def by_row(self) -> bool:
        """Whether the kernel takes rows, and not single elements."""
        return bool(self.slope_rows)

    @cached_property
    def slopes(self) -> tuple[str, ...]:
        """The names of the inputs that the kernel has slopes for: the first ones, of rows the first rows."""
        if self.by_row:
            return tuple(entry.name for entry in self.inputs if entry.axis is not None)[: len(self.slope_rows)]
        outcome = self.kernel(*(entry.domain.example for entry in self.inputs))
        most = min(len(self.inputs), MOST_SLOPES)
        if not isinstance(outcome, tuple) or not 1 < len(outcome) <= most + 1:
            raise InvalidDefinition(f"{self.kernel.__name__}: expected a value and 1 to {most} slopes, got {outcome!r}")
        return tuple(entry.name for entry in self.inputs)[: len(outcome) - 1]

    @property
    def graded(self) -> tuple[str, ...]:
        """The names of the inputs that get a gradient unless others are asked for: those with a slope but a target."""
        return tuple(name for name in self.slopes if name != TARGET)


def is_slope(annotation: Any) -> bool:
    """Whether an argument is a row of slopes, or one that may be None."""
    if get_origin(annotation) in UNION:
        return any(map(is_slope, get_args(annotation)))
    return any(isinstance(mark, SlopeRow) for mark in getattr(annotation, "__metadata__", ()))


@dataclass(frozen=True, eq=False, repr=False)
class Loss(Component):
    """A loss: its name and documentation, its parameters, and the forms that its inputs may take."""

    forms: list[Form] = field(default_factory=list)

    @classmethod
    def read(cls, function: Callable[..., Any]) -> Loss:
        """Make the loss from its first kernel; raises InvalidDefinition for a signature that cannot be read."""
        component = super().read(function)
        component.forms.append(Form.read(function))
        return component

    def form(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        """Add a kernel for another form of the inputs; its parameters have to be the same."""
        added = Form.read(kernel)
        ours, theirs = ([(p.name, p.default) for p in form.parameters] for form in (self.forms[0], added))
        if ours != theirs:
            raise InvalidDefinition(f"{self.name}: the parameters of {kernel.__name__} differ: {theirs} and {ours}")
        self.forms.append(added)
        return kernel

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs of the first form."""
        return self.forms[0].inputs

    @property
    def task(self) -> str:
        """The kind of task that the loss is for, as its inputs tell."""
        target = next((entry for entry in self.inputs if entry.name in TARGETS), self.inputs[-1])
        if sum(entry.axis is not None for entry in self.inputs if entry is not target) > 1:
            return "embedding"
        return (self.inputs[0] if target.domain is REAL else target).domain.task

    def at(self, *point: Any, **parameters: Any) -> tuple[Any, ...]:
        """The value and slopes at one point (numbers, and lists for rows), by the first form's kernel in plain Python.

        >>> from lossreg import create, get
        >>> get("huber").at(3.0, 0.0, delta=2.0)
        (4.0, 2.0)
        """
        return evaluate(self.forms[0], point, self.bind(parameters))


def evaluate(form: Form, point: tuple[Any, ...], parameters: dict[str, Any]) -> tuple[Any, ...]:
    """The value and slopes of one element or row, by the kernel as it stands, in the numbers it is given."""
    if not form.by_row:
        outcome: tuple[Any, ...] = form.kernel(*point, **parameters)
        return outcome
    rows = [row for row, entry in zip(point, form.inputs, strict=True) if entry.axis is not None]
    slopes = [[x * 0 for x in row] for row in rows[: len(form.slope_rows)]]
    wide = {p.name for p in form.parameters if along(p.annotation) is not None}
    given = {
        name: [value] * len(rows[0]) if name in wide and not isinstance(value, list | tuple) else value
        for name, value in parameters.items()
    }
    return (form.kernel(*point, *slopes, **given), *slopes)


loss = Loss.read
