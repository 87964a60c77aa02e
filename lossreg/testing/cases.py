"""Cases of a loss: its forms, each with several settings of the parameters."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import numpy as np

from lossreg.definition.annotations import ANY_AXES, named_functions, row_axis_of
from lossreg.definition.parameters import is_switch
from lossreg.definition.plain_python.mistakes import KernelMistake, mistakes_reported, shown
from lossreg.definition.roles import Role
from lossreg.definition.second_derivative import with_hessian
from lossreg.definition.signature import BATCH, SAMPLES, variants
from lossreg.errors import InvalidDefinition
from lossreg.kernels.differentiation.second_derivative import with_derived_hessians

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss
    from lossreg.definition.parameters import Parameter
    from lossreg.definition.signature import Form, Input

    Array = np.ndarray[Any, Any]
    Real = type[np.float32 | np.float64]

WIDTH = 5
"""The length of the rows of a batch, unless a loss needs another."""
SEED = 20240517
"""The seed of all random numbers of the kit."""
SETTINGS = (0.0, 0.25, 1.0, 3.0, -0.5, float("inf"))
"""The values tested for a parameter with a domain, as far as they are in it; exact in every float type."""
ROW_SETTING = (0.5, 2.0, 1.25, 0.0, 3.0, 0.75)
"""The value tested for a parameter that may be a row, cut to the length of the rows."""


@dataclass(frozen=True, eq=False)
class LossCase:
    """One form of a loss with one setting of its parameters; `base` has the default parameters."""

    loss: Loss
    form: Form
    parameters: dict[str, Any]
    base: dict[str, Any]

    @property
    def default(self) -> bool:
        """Whether every parameter has its default."""
        return self.parameters == self.base

    @property
    def number(self) -> int:
        """The position of the form among the forms of the loss."""
        return [form.kernel for form in self.loss.forms].index(self.form.kernel)

    @property
    def coupling(self) -> str:
        """How the samples are coupled; nothing if they are independent."""
        return self.form.coupling(self.parameters) if self.form.by_batch else ""

    @property
    def unreduced(self) -> str:
        """The reduction that gives all values: none, or sum for a loss that has one value for a batch."""
        return "sum" if self.coupling == BATCH and self.form.value_axes == (SAMPLES,) else "none"

    @property
    def setting(self) -> str:
        """The parameters that differ from their defaults, such as "delta=0.25"; nothing for the defaults."""
        changed = ((p.name, self.parameters[p.name]) for p in self.form.parameters)
        return ", ".join(f"{name}={literal(value)}" for name, value in changed if value != self.base[name])

    @property
    def width(self) -> int:
        """The length of the rows of a batch: what the loss needs, or WIDTH."""
        fixed = [int(entry.width) for entry in self.form.inputs if entry.width.isdecimal()]
        return fixed[0] if fixed else WIDTH

    def __str__(self) -> str:
        name = f"{self.loss.name}.{self.form.kernel.__name__}" if self.number > 0 else self.loss.name
        return ", ".join(filter(None, [name, self.setting]))

    def parameters_for(self, width: int) -> dict[str, Any]:
        """Return the parameters for rows of a width."""
        return {k: list(v[:width]) if isinstance(v, tuple) else v for k, v in self.parameters.items()}


def literal(x: Any) -> str:
    """Return a number, list or name as Python source."""
    if isinstance(x, list | tuple):
        return f"[{', '.join(map(literal, x))}]"
    return repr(x) if not isinstance(x, float) or np.isfinite(x) else f"float('{x}')"


def values_to_test(parameter: Parameter) -> list[Any]:
    """Return the values that a parameter is set to in turn, beside its default."""
    annotation, domain = parameter.annotation, parameter.domain
    if annotation is bool:
        return [False, True]
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    if named_functions(annotation):
        return list(named_functions(annotation))
    if domain is None:
        return []
    if domain.integer:
        return [1] if get_origin(get_args(annotation)[0]) is None else []
    numbers = [x for x in SETTINGS if bool(domain.contains(x)) and (x >= 0 or parameter.role is not Role.WEIGHT)]
    row = tuple(x if bool(domain.contains(x)) else domain.example for x in ROW_SETTING)
    return [*numbers, row] if row_axis_of(annotation) is not None else numbers


def cases(loss: Loss) -> list[LossCase]:
    """Return each form with the default parameters, with every combination of switches, and with other numbers.

    Of the numbers, one at a time differs from its default.
    """
    base = {p.name: values_to_test(p)[0] if p.required else p.default for p in loss.parameters if not loss.examples}
    found, fixed = [], set[str]()
    for number, written in enumerate(loss.forms):
        form = written
        if written.by_batch:
            arrays, given = example(loss, number, 1)
            form = next(v for v in variants(written, len(arrays)) if all(map(has_rank, arrays, v.inputs)))
            base, fixed = {p.name: p.default for p in loss.parameters} | given, set(given)
        found.append(LossCase(loss, form, base, base))
        free = [p for p in form.parameters if p.name not in fixed]
        switches = [[(p.name, value) for value in values_to_test(p)] for p in free if is_switch(p)]
        numbers = [(p.name, x) for p in free if not is_switch(p) for x in values_to_test(p)]
        others = [{**base, **dict(setting)} for setting in (*product(*switches), *([number] for number in numbers))]
        found += [LossCase(loss, form, setting, base) for setting in others if setting != base]
    return found


def case_with_hessian(case: LossCase) -> LossCase:
    """Return the case of the kernel that also gives a second derivative, which has no parameters that are switches.

    Raises InvalidParameter if none can be derived.
    """
    form = with_hessian(with_derived_hessians(case.loss, case.parameters).forms[case.number], case.parameters)
    given, base = ({p.name: each[p.name] for p in form.parameters} for each in (case.parameters, case.base))
    return LossCase(case.loss.derived([form]), form, given, base)


def example(loss: Loss, number: int, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Return a batch for a form by batch, and the parameters that go with it."""
    if len(loss.examples) <= number:
        raise InvalidDefinition(
            f"{loss.name}: form {number + 1} takes a whole batch and has no example; add one with @{loss.name}.example"
        )
    function = loss.examples[number]
    with mistakes_reported(function):
        made = function(np.random.default_rng(SEED), samples)
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], dict)):  # noqa: PLR2004  as it says
            raise KernelMistake(f"it returns {shown(made)}; expected a list of arrays, and a dict of parameters")
        return [np.asarray(x) for x in made[0]], made[1]


def has_rank(x: Array, entry: Input) -> bool:
    """Whether an array has as many axes as an input of a batch kernel."""
    return x.ndim >= len(entry.axes) - 1 if ANY_AXES in entry.axes else x.ndim == len(entry.axes)
