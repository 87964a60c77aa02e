"""`@loss`: read the signature of a kernel as the definition of a loss. Nothing is compiled here.

A kernel is the mathematics of one element, one row or a whole batch, in plain Python:

* by element: every input is a number; the kernel returns the value, then one slope for each input with a gradient.
* by row: an input is a `Row` or `ClassRow`; the kernel fills a `Slope` row for each row with a gradient, and returns
  the value. A `Slope | None` is None unless its gradient was requested, which is rare for a target.
* by batch: the inputs are numpy arrays with named axes; the kernel runs uncompiled and leaves the loops to numpy or to
  `lossreg.plugin.each`. After the inputs it gets the weight of each sample (`SampleWeight`; samples of weight 0 are not
  in the arrays) and the `Slopes` to fill, times that weight; it returns the values of the samples, times that weight.
  An input that may be None is optional; one that is a tuple takes all the remaining arrays.

Inputs have no default, parameters have one. A loss that accepts several sets of inputs has a kernel for each, a form:

    @loss
    def cross_entropy(logits: ClassRow[Real], label: ClassIndex, slope: Slope, ...): ...

    @cross_entropy.form
    def probabilities(logits: ClassRow[Real], target: ClassRow[Unit], slope: Slope, ...): ...

A batch kernel may couple its samples, which `@loss(couples=...)` says:

    @loss(couples="batch")      one value of the batch, or one for each class: a Multiplicity says how often each sample
                                counts; without that argument the loss takes no sample weights
    @loss(couples="anchors")    a value for each sample, to which the others contribute: a SampleWeight multiplies the
                                values, a Multiplicity also counts in the contributions
    @loss(couples="groups")     a value for each group: an input has the role Group
    @loss(couples="over")       as the parameter `over` says, whose other values mean that samples are independent

The return annotation has the axes of the values, such as `Annotated[Array, Axes("N C")]` for one by sample and class;
a coupled batch has no N there. A kernel may return a tuple: the values, and what each of them counts in a mean.

`@cross_entropy.method` adds a function of arrays and parameters that criteria also have as a method. A loss with batch
kernels has an `@NAME.example` for each form, in the order of the forms: a function that makes a batch of a number of
samples for the conformance kit, and the parameters that the shapes of the arrays depend on.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.component import Component
from lossreg.definition.domains import REAL
from lossreg.definition.plain_python.evaluate_point import evaluate_as_compiled, takes_point
from lossreg.definition.read_kernel import read_arguments, read_kernel
from lossreg.definition.returned_values import returned_values
from lossreg.definition.second_derivative import CURVATURE, VECTOR, with_hessian, with_product
from lossreg.definition.signature import EXACT, INDEPENDENT
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lossreg.definition.signature import Form, Input


@dataclass(frozen=True, eq=False, repr=False)
class Loss(Component):
    """A loss: its name and documentation, its parameters, its forms, and its methods."""

    forms: list[Form] = field(default_factory=list)
    methods: dict[str, Callable[..., Any]] = field(default_factory=dict)
    examples: list[Callable[[Any, int], Any]] = field(default_factory=list)
    ulps: float | None = None
    """The largest error of value and slopes for ordinary numbers, in units in the last place, if that is declared."""

    @classmethod
    def read(cls, function: Callable[..., Any], couples: str = INDEPENDENT) -> Loss:
        """Make the loss from its first kernel; raises InvalidDefinition for a signature that cannot be read."""
        component, form = super().read(function), read_kernel(function, couples)
        by_element = not (form.by_row or form.by_batch)
        parameters = [
            replace(
                p,
                accepts_array=bool(
                    p.domain and not p.domain.integer and (by_element or row_axis_of(p.annotation) is not None)
                ),
            )
            for p in component.parameters
        ]
        return replace(component, parameters=tuple(parameters), forms=[form])

    def form(self, kernel: Callable[..., Any]) -> Callable[..., Any]:
        """Add a kernel for another set of inputs, with the same parameters."""
        added = read_kernel(kernel, self.forms[0].couples)
        ours, theirs = ([(p.name, p.default) for p in form.parameters] for form in (self.forms[0], added))
        if ours != theirs:
            raise InvalidDefinition(f"{self.name}: the parameters of {kernel.__name__} differ: {theirs} and {ours}")
        if not added.by_batch and any(form.shapes == added.shapes for form in self.forms):
            raise InvalidDefinition(f"{self.name}: {kernel.__name__} takes arrays like those of another form")
        self.forms.append(added)
        return kernel

    def hessian(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add the second derivative of the value by the first input, for the form that has the same inputs.

        By element it returns the number; by row it fills a `Slope` row with the diagonal. Its parameters are the
        kernel's. A kernel by row whose last argument is `hessian: Slope | None = None` fills that row itself, if it is
        not None, so that exponentials are computed once for value, slopes and second derivatives. Raises
        InvalidDefinition if no form has its inputs and parameters, or if a kernel by row has slope rows of other inputs
        that are not optional.
        """
        at = self.form_of_hessian(function)
        self.forms[at] = replace(self.forms[at], hessian=function)
        return function

    def surrogate(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add what may replace the second derivative in a Newton step, under the function's name.

        It is written as the second derivative is. The first one of a loss is the recommended one.
        """
        at = self.form_of_hessian(function)
        surrogates = (*self.forms[at].surrogates, (function.__name__, function))
        self.forms[at] = replace(self.forms[at], surrogates=surrogates)
        return function

    def hessian_product(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add the product of a row's Hessian matrix and a vector, for the form that has the same inputs.

        After these it takes a row, the vector, and the `Slope` row to fill. A kernel by element needs none: its
        Hessian matrix is diagonal.
        """
        at = self.form_of_hessian(function, product=True)
        self.forms[at] = replace(self.forms[at], hessian_product=function)
        return function

    def form_of_hessian(self, function: Callable[..., Any], *, product: bool = False) -> int:
        """Return the position of the form whose inputs and parameters a second derivative has."""
        form, returned = read_arguments(function), returned_values(function)
        if not form.by_row and returned and returned.count != 1:
            raise InvalidDefinition(f"{self.name}: expected {function.__name__} to return one number; {returned}")
        inputs = [x.name for x in form.inputs]
        if product and inputs.pop() != VECTOR:
            raise InvalidDefinition(f"{self.name}: expected {VECTOR} as the last input of {function.__name__}")
        wanted = inputs, [(p.name, p.default) for p in form.parameters]
        for at, own in enumerate(self.forms):
            if ([x.name for x in own.inputs], [(p.name, p.default) for p in own.parameters]) == wanted:
                if not own.fusible:
                    raise InvalidDefinition(f"{self.name}: a hessian needs the slopes of other inputs to be optional")
                return at
        raise InvalidDefinition(
            f"{self.name}: no kernel has the inputs and parameters of the hessian {function.__name__}: "
            f"{', '.join([*wanted[0], *(name for name, _ in wanted[1])])}"
        )

    @property
    def hessians(self) -> tuple[str, ...]:
        """The names of the second derivatives that a Newton step may use, the recommended one first."""
        return tuple(dict.fromkeys(name for form in self.forms for name in form.hessians))

    def with_hessian(self, settings: Mapping[str, Any], which: str = EXACT) -> Loss:
        """Return a loss whose kernels also give a second derivative by the first input, of the forms that have it.

        `which` is one of `hessians`, or "curvature" for a number that becomes a parameter. Parameters that choose a
        branch are fixed to the values in `settings` and are not parameters of the new loss.
        """
        has = [form for form in self.forms if form.fusible and (which == CURVATURE or which in form.hessians)]
        return self.derived([with_hessian(form, settings, which) for form in has])

    def with_product(self, settings: Mapping[str, Any]) -> Loss:
        """Return a loss of value 0 whose gradient is the product of the Hessian matrix and a vector, the last input."""
        has = [form for form in self.forms if (form.hessian_product if form.by_row else EXACT in form.hessians)]
        return self.derived([with_product(form, settings) for form in has])

    def derived(self, forms: list[Form]) -> Loss:
        """Return a loss of the same name with other forms."""
        known = {parameter.name: parameter for parameter in self.parameters}
        parameters = [known.get(p.name, p) for p in (forms[0].parameters if forms else ())]
        return replace(self, forms=forms, parameters=tuple(parameters))

    def method(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Add a function of arrays and all parameters; `criterion.NAME(*arrays)` calls it with the criterion's.

        A method named `terms` returns numbers by name, which runs report beside the loss.
        """
        self.methods[function.__name__] = function
        return function

    def example(self, function: Callable[[Any, int], Any]) -> Callable[[Any, int], Any]:
        """Add a function of a random generator and a number of samples that returns arrays and parameters."""
        self.examples.append(function)
        return function

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The inputs of the first form."""
        return self.forms[0].inputs

    @property
    def task(self) -> str:
        """The kind of task that the loss is for, derived from its inputs."""
        targets = [entry for entry in self.inputs if entry.is_target]
        target = targets[-1] if targets else self.inputs[-1]
        form = self.forms[0]
        compared = [entry for entry in self.inputs if entry.name in form.default_wrt]
        kinds = {(entry.domain, entry.axis) for entry in compared}
        if not form.by_batch and len(compared) > 1 and len(kinds) == 1:
            if compared[0].axis is None:
                return "ranking" if targets else "preference"
            if target.domain is not REAL or not targets:
                return "embedding"
        return (self.inputs[0] if target.domain is REAL else target).domain.task

    @property
    def learned(self) -> tuple[Input, ...]:
        """The inputs of the first form that are trained beside the network."""
        return self.forms[0].learned

    def initial_values(self, random: Any = None, **sizes: int) -> dict[str, Any]:
        """Return the initial values of the learned inputs, by name; `sizes` are those of their axes, such as C=10."""
        import numpy as np

        random = np.random.default_rng(random)
        return {entry.name: entry.initial_value(random, sizes) for entry in self.learned}

    def _repr_html_(self) -> str:
        """Return the documentation and the parameters, for notebooks."""
        from html import escape

        rows = "".join(f"<tr><td>{p.name}</td><td>{escape(p.description)}</td></tr>" for p in self.parameters)
        return f"<b>{self.name}</b><pre style='white-space: pre-wrap'>{escape(self.doc)}</pre><table>{rows}</table>"

    def at(self, *point: Any, **parameters: Any) -> tuple[Any, ...]:
        """Return the value and slopes at one point (numbers, and lists for rows), by the first kernel that takes it.

        >>> from lossreg import create, get
        >>> get("huber").at(3.0, 0.0, delta=2.0)
        (4.0, 2.0)
        """
        form = next((form for form in self.forms if takes_point(form, point)), self.forms[0])
        return evaluate_as_compiled(form, point, self.bind(parameters))


@overload
def loss(function: Callable[..., Any], /) -> Loss: ...


@overload
def loss(*, couples: str = INDEPENDENT, ulps: float | None = None) -> Callable[[Callable[..., Any]], Loss]: ...


def loss(*functions: Any, couples: str = INDEPENDENT, ulps: float | None = None) -> Any:
    """Make a loss from its first kernel.

    couples: how the value depends on several samples, if it does. ulps: the largest error for ordinary numbers, in
    units in the last place, which the conformance kit then requires.
    """
    if ulps is not None and not (isinstance(ulps, int | float) and ulps > 0):
        raise InvalidDefinition(f"expected ulps to be a number above 0; got {ulps!r}")

    def read(function: Callable[..., Any]) -> Loss:
        return replace(Loss.read(function, couples=couples), ulps=ulps)

    return read(*functions) if functions else read
