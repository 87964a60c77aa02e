"""Parameters: what users of a plugin may set, as declared by its function's signature, and the check of their values.

Every kind of plugin declares its parameters as arguments of a function: an argument that has a default or is
keyword-only is a parameter, the others are supplied by lossreg. The annotation is the check: a domain
(`Positive`), `int`, `bool`, `str`, `Literal[...]`, `tuple[..., ...]` or `dict[str, ...]` of these, `... | None`.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, get_origin

from lossreg.definition.annotations import domain_of, named_functions, role_of, type_hints
from lossreg.definition.parameter_values import (
    INTEGER_LIMIT,
    REFUSED,
    accept,
    choices,
    describe_annotation,
    is_checkable,
)
from lossreg.errors import InvalidDefinition, InvalidParameter, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lossreg.definition.domains import Domain
    from lossreg.definition.roles import Role

REQUIRED: Any = inspect.Parameter.empty


@dataclass(frozen=True)
class Parameter:
    """One parameter: its name, the annotation that says which values are allowed, and the default, if it has one.

    `accepts_array` says that a number of a loss may also be given as an array of numbers.
    """

    name: str
    annotation: Any
    default: Any = REQUIRED
    accepts_array: bool = False

    @property
    def required(self) -> bool:
        """Whether users have to set it."""
        return self.default is REQUIRED

    @cached_property
    def domain(self) -> Domain | None:
        """The domain of its number or numbers, if it has one."""
        return domain_of(self.annotation)

    @cached_property
    def role(self) -> Role | None:
        """What the kernel uses it for, if that matters to lossreg."""
        return role_of(self.annotation)

    @property
    def allowed(self) -> str:
        """A description of the values it may be set to."""
        return describe_annotation(self.annotation)

    @property
    def description(self) -> str:
        """A description of the values it may be set to, and of what follows from its role."""
        note = self.role.note if self.role else ""
        return f"{self.allowed}; {note}" if note else self.allowed

    def resolve(self, value: Any) -> Any:
        """Return what a kernel gets for a value: the function, if the value is the name of one."""
        return named_functions(self.annotation).get(value, value) if isinstance(value, str) else value

    def accept(self, value: Any) -> Any:
        """Return `value` as a plain int, float, bool, str or tuple, or raise InvalidParameter."""
        if value is None and not self.required:
            return self.default
        plain = accept(self.annotation, value)
        if plain is REFUSED:
            if isinstance(value, int) and not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
                raise InvalidParameter(
                    f"{self.name}: expected {self.allowed}, got an integer that does not fit into 64 bits"
                )
            hint = nearest(str(value), choices(self.annotation))
            raise InvalidParameter(f"{self.name}: expected {self.allowed}, got {value!r}" + (hint and f"; {hint}"))
        return plain


def is_switch(parameter: Parameter) -> bool:
    """Whether a parameter chooses a branch: it is a constant to compiled code, so the branch costs nothing."""
    annotation = parameter.annotation
    return annotation is bool or get_origin(annotation) is Literal or bool(named_functions(annotation))


def switches_of(function: Callable[..., Any], parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """Return the parameters of a kernel that choose a branch; raises InvalidDefinition if they do not come last."""
    parameters = list(parameters)
    if sorted(parameters, key=is_switch) != parameters:
        raise InvalidDefinition(f"{function.__name__}: parameters that are bool or Literal come after the others")
    return tuple(parameter.name for parameter in parameters if is_switch(parameter))


HESSIAN = "hessian"
"""The name of the second derivative among the arguments and the outputs of a kernel."""


def fills_hessian(function: Callable[..., Any]) -> bool:
    """Whether a kernel by row also fills a row with second derivatives, if its last argument is not None."""
    last = [*inspect.signature(function).parameters.values()][-1:]
    return any(argument.name == HESSIAN and argument.default is None for argument in last)


@lru_cache(1)  # a loss reads its first kernel twice: as a component and as a form
def read_signature(function: Callable[..., Any]) -> tuple[dict[str, Any], tuple[Parameter, ...]]:
    """Split a function's arguments into those that lossreg supplies, with their annotations, and its parameters."""
    hints = type_hints(function)
    supplied: dict[str, Any] = {}
    parameters: list[Parameter] = []
    for argument in inspect.signature(function).parameters.values():
        if argument.name == HESSIAN and fills_hessian(function):
            continue
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise InvalidDefinition(f"{function.__name__}: *{argument.name} cannot be listed or checked; name each one")
        if argument.name not in hints:
            raise InvalidDefinition(f"{function.__name__}: {argument.name} has no annotation to say what it may be")
        if argument.default is REQUIRED and argument.kind is not argument.KEYWORD_ONLY:
            supplied[argument.name] = hints[argument.name]
        else:
            if not is_checkable(hints[argument.name]):
                raise InvalidDefinition(
                    f"{function.__name__}: parameter {argument.name} cannot have the annotation "
                    f"{inspect.formatannotation(hints[argument.name])}; expected a domain such as Positive, or int, "
                    "float, bool, str, Literal[...], tuple[..., ...] or dict[str, ...] of these, or a union of them"
                )
            parameters.append(Parameter(argument.name, hints[argument.name], argument.default))
    return supplied, tuple(parameters)


def bind(
    owner: str, parameters: Iterable[Parameter], given: Mapping[str, Any], related: Iterable[str] = ()
) -> dict[str, Any]:
    """Check the values of a plugin's parameters and add the defaults; `related` are other names for suggestions.

    Raises InvalidParameter, naming `owner`, for a name that it does not have, one that it needs, or a bad value.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            hint = nearest(name, [*known, *related])
            raise InvalidParameter(
                f"{owner} has no parameter {name!r}; it has {listed(known)}" + (hint and f"; {hint}"),
            )
    bound: dict[str, Any] = {}
    for name, parameter in known.items():
        if name not in given and parameter.required:
            raise InvalidParameter(f"{owner} needs {name!r}: {parameter.allowed}")
        try:
            bound[name] = parameter.accept(given[name]) if name in given else parameter.default
        except InvalidParameter as error:
            raise InvalidParameter(f"{owner}: {error}") from None
    return bound
