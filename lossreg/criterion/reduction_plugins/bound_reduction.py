"""A reduction of a plugin with the values of its parameters, and how callers choose one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import shown
from lossreg.criterion.reductions import REDUCTIONS
from lossreg.definition.component import Reduction
from lossreg.errors import BrokenPlugin, InvalidParameter, UnknownName, listed, nearest
from lossreg.registry.registries import reductions

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class BoundReduction:
    """A reduction of a plugin and its parameters: those of all names, and the names of those that were given."""

    reduction: Reduction
    parameters: tuple[tuple[str, Any], ...]
    given: tuple[str, ...] = field(compare=False)

    @property
    def name(self) -> str:
        """The name of the reduction."""
        return self.reduction.name

    @property
    def config(self) -> str | dict[str, Any]:
        """What chooses it, as plain values for a config: its name, or a mapping with the parameters that were given."""
        given = {name: value for name, value in self.parameters if name in self.given}
        return {"name": self.name, **given} if given else self.name

    def __call__(self, values: Array, weights: Array) -> tuple[float, Array]:
        """The value and the factors; raises BrokenPlugin for factors that are not one finite number for each value."""
        value, factors = self.reduction.function(values, weights, **dict(self.parameters))
        factors = np.asarray(factors, np.float64)
        if factors.shape != values.shape or not np.isfinite(factors).all():
            expected = f"a finite factor for each of {len(values)} values"
            raise BrokenPlugin(f"the reduction {self.name} returned {shown(factors)}; expected {expected}")
        return float(value), factors


def find_reduction(owner: str, given: Any) -> str | BoundReduction:
    """The reduction that is given: the name of a built-in one, or a plugin by its name, itself, or in a mapping.

    The mapping has its `name` and parameters. Raises InvalidParameter for anything else.
    """
    if isinstance(given, BoundReduction) or (isinstance(given, str) and given in REDUCTIONS):
        return given
    parameters = dict(given) if isinstance(given, Mapping) else {"name": given}
    found = parameters.pop("name", "")
    if isinstance(found, str):
        try:
            found = reductions.get(found)
        except UnknownName:
            if found in REDUCTIONS:
                raise InvalidParameter(f"{owner}: the reduction {found} has no parameters; give its name") from None
    if not isinstance(found, Reduction):
        known = [*REDUCTIONS, *reductions.names()]
        hint = nearest(str(found), known)
        message = f"{owner}: expected a reduction of {listed(known)}, got {shown(given)}"
        raise InvalidParameter(message + (hint and f"; {hint}"))
    try:
        bound = found.bind(parameters)
    except InvalidParameter as error:
        raise InvalidParameter(f"{owner}: {error}") from None
    return BoundReduction(found, tuple(bound.items()), tuple(parameters))


def check_values(loss: Loss, reduction: BoundReduction, settings: Mapping[str, Any]) -> None:
    """Raise InvalidParameter for a loss that has no value for each element or row, independent of the others."""
    for form in loss.forms:
        if form.by_batch and (form.coupling(settings) or not form.plain):
            reason = "its samples are coupled" if form.coupling(settings) else "it has several values for a sample"
            message = f"{loss.name}: the reduction {reduction.name} needs one value for each element or row"
            raise InvalidParameter(f"{message}; {reason}")
