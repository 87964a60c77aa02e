"""`@loss`: the signature of a kernel, read as a loss. Pure data; nothing is compiled here.

A kernel is the mathematics of one element, one row or a whole batch, in plain Python:

* elementwise: every input is a number; it returns the value, then one slope for each input that has a gradient.
* row: an input is a `Row` or `ClassRow`; it fills a `Slope` row for each row with a gradient, and returns the value.
  A `Slope | None` is None when nobody asked for it, as is usual for a target.
* whole: the inputs are arrays with named axes; it runs as it stands, on numpy's arrays, and leaves the loops to numpy
  or to `lossreg.each`. It is given, after the inputs, how much each sample counts (a `Share`; those that do not count
  are not among them) and the `Slopes` to fill, times that share; it returns each sample's value, times that share.
  An input that may be None may be left out; one that is a tuple is all the arrays that are left.

Inputs have no default, parameters have one. A loss whose target comes in several forms has a kernel for each:

    @loss
    def cross_entropy(logits: ClassRow[Real], label: ClassIndex, slope: Slope, ...): ...

    @cross_entropy.form
    def probabilities(logits: ClassRow[Real], target: ClassRow[Unit], slope: Slope, ...): ...

`@cross_entropy.method` adds a function of arrays and parameters that criteria have too. A loss of whole arrays has an
`@....example` for each form, in their order: a batch of a number of samples, for the conformance kit, and those
parameters that its shapes depend on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lossreg.definition.component import Component
from lossreg.definition.domains import REAL
from lossreg.definition.parameters import along
from lossreg.definition.signature import TARGETS, Form, Input, evaluate
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, eq=False, repr=False)
class Loss(Component):
    """A loss: its name and documentation, its parameters, the forms that its inputs may take, and its methods."""

    forms: list[Form] = field(default_factory=list)
    methods: dict[str, Callable[..., Any]] = field(default_factory=dict)
    examples: list[Callable[[Any, int], Any]] = field(default_factory=list)

    @classmethod
    def read(cls, function: Callable[..., Any]) -> Loss:
        """Make the loss from its first kernel; raises InvalidDefinition for a signature that cannot be read."""
        component, form = super().read(function), Form.read(function)
        by_element = not (form.by_row or form.whole)
        parameters = [
            replace(
                p, spread=bool(p.domain and not p.domain.integer and (by_element or along(p.annotation) is not None))
            )
            for p in component.parameters
        ]
        return replace(component, parameters=tuple(parameters), forms=[form])

    def form(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        """Add a kernel for another form of the inputs; its parameters have to be the same."""
        added = Form.read(kernel)
        ours, theirs = ([(p.name, p.default) for p in form.parameters] for form in (self.forms[0], added))
        if ours != theirs:
            raise InvalidDefinition(f"{self.name}: the parameters of {kernel.__name__} differ: {theirs} and {ours}")
        self.forms.append(added)
        return kernel

    def hessian(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add the second derivative of the value by the first input, for the form that has the same inputs.

        By element it returns the number; by row it fills a `Slope` row with the diagonal. Its parameters are the
        kernel's. Raises InvalidDefinition where no form has its inputs and parameters, or where a kernel by row has
        slope rows of other inputs that are not optional.
        """
        form = Form.read(function)
        wanted = ([x.name for x in form.inputs], [(p.name, p.default) for p in form.parameters])
        for at, own in enumerate(self.forms):
            if ([x.name for x in own.inputs], [(p.name, p.default) for p in own.parameters]) == wanted:
                if set(own.slope_rows[1:]) - set(own.optional_rows):
                    raise InvalidDefinition(f"{self.name}: a hessian needs the slopes of other inputs to be optional")
                self.forms[at] = replace(own, hessian=function)
                return function
        raise InvalidDefinition(
            f"{self.name}: no kernel has the inputs and parameters of the hessian {function.__name__}: "
            f"{', '.join([*wanted[0], *(name for name, _ in wanted[1])])}"
        )

    def with_hessian(self, settings: dict[str, Any]) -> Loss:
        """The loss whose kernels also give the second derivative by the first input; of forms that have one.

        Parameters that choose a branch have the values in `settings` for good, and are none of its parameters.
        """
        forms = [form.with_hessian(settings) for form in self.forms if form.hessian]
        switches = self.forms[0].switches
        return replace(self, forms=forms, parameters=tuple(p for p in self.parameters if p.name not in switches))

    def method(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add a function of arrays and of all parameters: `criterion.NAME(*arrays)` calls it with the criterion's."""
        self.methods[function.__name__] = function
        return function

    def example(self, function: Callable[[Any, int], Any]) -> Callable[[Any, int], Any]:
        """Add what makes a batch, from a random generator and a number of samples: the arrays, and the parameters."""
        self.examples.append(function)
        return function

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


loss = Loss.read
