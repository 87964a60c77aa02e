"""Parameters: what users of a plugin may set, as declared by its function's signature, and the check of their values.

Every kind of plugin declares its parameters as arguments of a function: an argument that has a default or is
keyword-only is a parameter, the others are supplied by lossreg. The annotation is the check: a domain
(`Positive`), `int`, `bool`, `str`, `Literal[...]`, `tuple[..., ...]` of these, `... | None`.
"""

from __future__ import annotations

import inspect
import types
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from lossreg.definition.annotations import domain_of, marker_of, named_functions, role_of, row_axis_of
from lossreg.definition.domains import Domain
from lossreg.errors import InvalidDefinition, InvalidParameter, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lossreg.definition.roles import Role

REQUIRED: Any = inspect.Parameter.empty
UNION = (Union, types.UnionType)
SEQUENCES = (list, tuple)


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


REFUSED: Any = object()
INTEGER_LIMIT = 2**63
"""Integers are from minus this number to below it: compiled code has 64 bits for one."""


def accept(annotation: Any, value: Any) -> Any:  # noqa: PLR0911  a return for each kind of annotation
    """Return `value` as the plain type that `annotation` names, or REFUSED."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in UNION:
        plains = (accept(argument, value) for argument in arguments)
        return next((plain for plain in plains if plain is not REFUSED), REFUSED)
    if row_axis_of(annotation) is not None and not isinstance(value, list | tuple):
        return accept(get_args(arguments[0])[0], value)  # one number stands for a row of them
    if named_functions(annotation):
        functions = named_functions(annotation)
        known = isinstance(value, str) and value in functions
        return value if known or takes_arguments_of(next(iter(functions.values())), value) else REFUSED
    if origin is Annotated:
        plain = accept(arguments[0], value)
        return plain if plain is REFUSED or in_domain(annotation, plain) else REFUSED
    if origin is Literal:
        return next((choice for choice in arguments if type(choice) is type(value) and choice == value), REFUSED)
    if origin in SEQUENCES:
        if not isinstance(value, list | tuple):
            return REFUSED
        plain = tuple(accept(arguments[0], item) for item in value)
        return REFUSED if REFUSED in plain else plain
    if annotation in (None, type(None)):
        return None if value is None else REFUSED
    return accept_scalar(annotation, value)


def takes_arguments_of(example: Callable[..., Any], value: Any) -> bool:
    """Whether a value is a function that takes as many arguments as the example."""
    try:
        inspect.signature(value).bind(*inspect.signature(example).parameters)
    except (TypeError, ValueError):  # not a function, one with other arguments, or one without a signature
        return False
    return True


def accept_scalar(kind: type, value: Any) -> Any:
    """Return `value` as a plain bool, int, float or str, or REFUSED. It may be numpy's; a bool is not a number."""
    if (
        hasattr(value, "item") and getattr(value, "shape", 0) == ()
    ):  # numpy's float64 is a float, but prints differently
        value = value.item()
    if isinstance(value, int) and not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        return REFUSED
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value if type(value) is kind or (type(value) is not bool and isinstance(value, kind)) else REFUSED


def in_domain(annotation: Any, plain: Any) -> bool:
    """Whether a number, or every number of a list, is in the annotation's domain."""
    domain = marker_of(annotation, Domain)
    return domain is None or bool(domain.contains(plain))


def choices(annotation: Any) -> Iterable[str]:
    """Return the names that an annotation allows, for suggestions."""
    if get_origin(annotation) is Literal:
        return [choice for choice in get_args(annotation) if isinstance(choice, str)]
    parts = get_args(annotation) if get_origin(annotation) in UNION else ()
    return [*named_functions(annotation), *(word for part in parts for word in choices(part))]


def describe_annotation(annotation: Any) -> str:  # noqa: PLR0911  as accept
    """Return a description of the values that an annotation allows."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if row_axis_of(annotation) is not None:
        return f"{describe_annotation(get_args(arguments[0])[0])}, or a row of them"
    if named_functions(annotation):
        functions = named_functions(annotation)
        taken = ", ".join(inspect.signature(next(iter(functions.values()))).parameters)
        return f"{', '.join(map(repr, functions))}, or a function of ({taken}) like them"
    if origin is Annotated:
        domain = domain_of(annotation)
        if domain is None:
            return describe_annotation(arguments[0])
        return (
            f"a number {domain.description}"
            if arguments[0] is float and "number" not in domain.description
            else domain.description
        )
    if origin in UNION:
        described = [describe_annotation(argument) for argument in arguments]
        return (", or " if "," in "".join(described) else " or ").join(described)
    if origin is Literal:
        return " or ".join(repr(choice) for choice in arguments)
    if origin in SEQUENCES:
        return f"a list in which each item is {describe_annotation(arguments[0])}"
    names = {float: "a number", int: "an integer", bool: "true or false", str: "a string", type(None): "null"}
    return names.get(annotation, str(annotation))


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


@lru_cache(1)  # a loss reads its first kernel twice: as a component and as a form
def read_signature(function: Callable[..., Any]) -> tuple[dict[str, Any], tuple[Parameter, ...]]:
    """Split a function's arguments into those that lossreg supplies, with their annotations, and its parameters."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except NameError as error:
        raise InvalidDefinition(f"{function.__name__}: an annotation cannot be read: {error}") from error
    supplied: dict[str, Any] = {}
    parameters: list[Parameter] = []
    for argument in inspect.signature(function).parameters.values():
        if argument.kind in (argument.VAR_POSITIONAL, argument.VAR_KEYWORD):
            raise InvalidDefinition(f"{function.__name__}: *{argument.name} cannot be listed or checked; name each one")
        if argument.name not in hints:
            raise InvalidDefinition(f"{function.__name__}: {argument.name} has no annotation to say what it may be")
        if argument.default is REQUIRED and argument.kind is not argument.KEYWORD_ONLY:
            supplied[argument.name] = hints[argument.name]
        else:
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
