"""What the curves of a loss differ in: some values of its main parameter, or of its target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from lossreg.definition.domains import FRACTION, SIGN, UNIT
from lossreg.definition.parameters import is_switch
from lossreg.definition.roles import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.loss import Loss
    from lossreg.definition.parameters import Parameter

SMALL = 1e-3
"""A parameter with a default up to this number only keeps something from being 0, and is not varied."""
SECONDARY = (Role.WEIGHT, Role.SCALE, Role.IGNORED_LABEL)


@dataclass(frozen=True)
class Variation:
    """The parameters of one curve, and its inputs that differ from the usual ones."""

    label: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)


def variations(loss: Loss) -> list[Variation]:
    """Return three values of the main parameter of a loss, or some values of its target, or one curve."""
    form = loss.forms[0]
    numbers = [p for p in loss.parameters if is_main(p)]
    for parameter in numbers[:1]:
        return varied(parameter.name, values_around(parameter))
    for parameter in loss.parameters:
        options = get_args(parameter.annotation)
        if is_switch(parameter) and len(options) > 1 and not form.by_batch:
            return varied(parameter.name, options)
    for entry in form.inputs:
        targets = {UNIT: (0.0, 0.5, 1.0), SIGN: (1.0, -1.0)}.get(entry.domain, ())
        if entry.is_target and entry.axis is None and targets and not form.by_batch:
            return [Variation(f"{entry.name} = {x:g}", inputs={entry.name: x}) for x in targets]
    return [Variation()]


def varied(name: str, values: Iterable[Any]) -> list[Variation]:
    """Return a variation for each value of a parameter."""
    return [Variation(f"{name} = {x:g}" if isinstance(x, float) else f"{name} = {x}", {name: x}) for x in values]


def is_main(parameter: Parameter) -> bool:
    """Whether a parameter is a number that shapes the loss."""
    if parameter.domain is None or parameter.domain.integer or parameter.role in SECONDARY or parameter.required:
        return False
    default = parameter.default
    return isinstance(default, float | int) and not isinstance(default, bool) and not 0 < default <= SMALL


def values_around(parameter: Parameter) -> list[float]:
    """Return values of a parameter around its default: half and double, or those usual for its domain."""
    default, domain = float(parameter.default), parameter.domain
    if domain is UNIT or domain is FRACTION:
        found = [0.1, 0.5, 0.9] if default == 0.5 else [default / 2, default, (1 + default) / 2]  # noqa: PLR2004
        found = [0.0, 0.1, 0.3] if default == 0 else found
    else:
        found = [0.0, 0.5, 1.0] if default == 0 else sorted([default / 2, default, 2 * default])
    return [x for x in found if domain is None or bool(domain.contains(x))] or [default]
