"""`@loss`: the signature of a kernel, read as a loss. Pure data; nothing is compiled here.

A kernel is the mathematics of one element or of one row, in plain Python:

* elementwise: every input is a number; it returns the value, then one slope for each input that has a gradient.
* row: an input is a `Row` or `ClassRow`; it fills a `Slope` row for each row with a gradient, and returns the value.

Inputs have no default, parameters have one. A loss whose target comes in several forms has a kernel for each:

    @loss
    def cross_entropy(logits: ClassRow[Real], label: ClassIndex, slope: Slope, ...): ...

    @cross_entropy.form
    def probabilities(logits: ClassRow[Real], target: ClassRow[Unit], slope: Slope, ...): ...
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lossreg.component import Component
from lossreg.domains import REAL, Domain, SlopeRow
from lossreg.errors import InvalidDefinition
from lossreg.parameters import Parameter, along, domain_of, read_signature, switches_of

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class Input:
    """One array that a loss is given: its name, the domain of its numbers, and the axis of its rows, if it has rows."""

    name: str
    domain: Domain
    axis: int | None


@dataclass(frozen=True, eq=False)
class Form:
    """One kernel of a loss, and what its signature says."""

    kernel: Callable[..., Any]
    inputs: tuple[Input, ...]
    slope_rows: int
    parameters: tuple[Parameter, ...]
    switches: tuple[str, ...]

    @classmethod
    def read(cls, kernel: Callable[..., Any]) -> Form:
        """Read a kernel's signature; raises InvalidDefinition where it cannot be one."""
        supplied, parameters = read_signature(kernel)
        marks = {name: getattr(annotation, "__metadata__", ()) for name, annotation in supplied.items()}
        slopes = [name for name, found in marks.items() if any(isinstance(mark, SlopeRow) for mark in found)]
        inputs: list[Input] = []
        for name, annotation in supplied.items():
            if name in slopes:
                continue
            domain = domain_of(annotation)
            if domain is None:
                raise InvalidDefinition(f"{kernel.__name__}: input {name} needs a domain, such as Real or Row[Real]")
            inputs.append(Input(name, domain, along(annotation)))
        form = cls(kernel, tuple(inputs), len(slopes), parameters, switches_of(kernel, parameters))
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
        return self.slope_rows > 0

    @cached_property
    def graded(self) -> tuple[str, ...]:
        """The names of the inputs that get a gradient, in order: as many as the kernel has slopes for."""
        if self.by_row:
            return tuple(entry.name for entry in self.inputs if entry.axis is not None)[: self.slope_rows]
        outcome = self.kernel(*(entry.domain.example for entry in self.inputs))
        if not isinstance(outcome, tuple) or not 1 < len(outcome) <= len(self.inputs) + 1:
            raise InvalidDefinition(
                f"{self.kernel.__name__}: expected a value and 1 to {len(self.inputs)} slopes, got {outcome!r}",
            )
        return tuple(entry.name for entry in self.inputs)[: len(outcome) - 1]


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
        if sum(entry.axis is not None for entry in self.inputs) > 1:
            return "embedding"
        tasks = [entry.domain.task for entry in reversed(self.inputs) if entry.domain is not REAL]
        return next(filter(None, tasks), REAL.task)

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
    slopes = [[x * 0 for x in row] for row in rows[: form.slope_rows]]
    wide = {p.name for p in form.parameters if along(p.annotation) is not None}
    given = {
        name: [value] * len(rows[0]) if name in wide and not isinstance(value, list | tuple) else value
        for name, value in parameters.items()
    }
    return (form.kernel(*point, *slopes, **given), *slopes)


loss = Loss.read
