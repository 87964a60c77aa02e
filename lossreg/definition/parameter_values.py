"""Values of parameters: what an annotation allows, the check of a value against it, and its description."""

from __future__ import annotations

import inspect
import types
from typing import TYPE_CHECKING, Annotated, Any, Literal, Union, get_args, get_origin

from lossreg.definition.annotations import domain_of, marker_of, named_functions, row_axis_of
from lossreg.definition.domains import Domain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

UNION = (Union, types.UnionType)
SEQUENCES = (list, tuple)

REFUSED: Any = object()
INTEGER_LIMIT = 2**63
"""Integers are from minus this number to below it: compiled code has 64 bits for one."""


def accept(annotation: Any, value: Any) -> Any:  # noqa: C901, PLR0911  a return for each kind of annotation
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
    if origin is dict:
        if not isinstance(value, dict):
            return REFUSED
        pairs = {accept(arguments[0], key): accept(arguments[1], item) for key, item in value.items()}
        return REFUSED if REFUSED in (*pairs, *pairs.values()) else pairs
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
    if origin is dict:
        return f"a mapping in which each value is {describe_annotation(arguments[1])}"
    names = {float: "a number", int: "an integer", bool: "true or false", str: "a string", type(None): "null"}
    return names.get(annotation, str(annotation))


def is_checkable(annotation: Any) -> bool:
    """Whether an annotation is one that values can be checked against."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return bool(named_functions(annotation)) or is_checkable(arguments[0])
    if origin is Literal:
        return all(isinstance(choice, bool | int | float | str) for choice in arguments)
    if origin in UNION:
        return all(map(is_checkable, arguments))
    if origin in SEQUENCES:
        return is_checkable(arguments[0]) and arguments[1:] == (...,) * (origin is tuple)
    if origin is dict:
        return arguments[0] is str and is_checkable(arguments[1])
    return annotation in (bool, int, float, str, None, type(None))
