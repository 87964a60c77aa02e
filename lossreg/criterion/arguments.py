"""The arguments of calls: inputs by position or by name as numeric arrays, and errors for misplaced arguments."""

from __future__ import annotations

from reprlib import Repr
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidInput, InvalidParameter, InvalidType, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Form

    Array = np.ndarray[Any, Any]

FLOATS: dict[np.dtype[Any], type] = {
    np.dtype(np.float16): np.float32,
    np.dtype(np.float32): np.float32,
    np.dtype(np.float64): np.float64,
}
"""The float types of inputs and results, each with the type that the loops compute in."""
NATIVE = {kind.num: kind for kind in FLOATS}
"""The same types by numpy's type number, which does not depend on the byte order."""

CALL_ARGUMENTS = ("sample_weight", "where", "denominator", "wrt", "out")
"""The arguments of calls other than inputs."""

SHOWN_CHARACTERS = 60
"""The length at which a message abbreviates a value."""


def as_array(given: Any, owner: str, what: str) -> Array:
    """Convert an argument to an array of real numbers; raises InvalidType or InvalidInput if that is not possible."""
    if isinstance(given, np.ma.MaskedArray):
        raise InvalidType(
            f"{owner}: expected {what} as an ordinary array; got a masked array: pass its data, and where=~mask"
        )
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InvalidInput(f"{owner}: expected {what} as rows of one length; got {shown(given)}") from error
    if array.dtype.num not in NATIVE and array.dtype.kind not in "iub":
        got = array.dtype if isinstance(given, np.ndarray) else shown(given)
        kinds = f"{listed(map(str, FLOATS))}, integer or boolean"
        raise InvalidType(f"{owner}: expected {what} as numbers of type {kinds}; got {got}")
    return array


def shown(value: Any) -> str:
    """Format a value for a message: abbreviated, and an object such as a table as its type and shape."""
    kind = type(value)
    if not isinstance(value, list | tuple | str | bytes | dict | set | int | float):
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and shape:
            return f"an object of type {kind.__name__} and shape {shape}"
        if hasattr(value, "__len__"):
            return f"an object of type {kind.__name__} and length {len(value)}"
    brief = Repr()
    brief.maxlist = brief.maxtuple = 4
    brief.maxstring = brief.maxother = SHOWN_CHARACTERS
    return brief.repr(value)


def inputs_by_name(loss: Loss, arrays: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """Put inputs in the order of the form that has all of these names; raises InvalidType if no form has."""
    for name in named:
        if name not in {entry.name for form in loss.forms for entry in form.inputs}:
            raise unknown(loss, name, named[name])
    problem = ""
    for form in loss.forms:
        found, problem = ordered(form, arrays, named)
        if not problem:
            return tuple(found)
    raise InvalidType(f"{loss.name} takes {signatures(loss)}; {problem}")


def ordered(form: Form, arrays: Sequence[Any], named: Mapping[str, Any]) -> tuple[list[Any], str]:
    """The inputs in the order of a form, and the reason if they do not fit it."""
    remaining = dict(named)
    found = list(arrays)
    for entry in form.inputs[: len(arrays)]:
        if entry.name in remaining and not entry.variadic:
            return found, f"got {entry.name} both by position and by name"
    for entry in form.inputs[len(arrays) :]:
        if entry.name in remaining:
            given = remaining.pop(entry.name)
            found += list(given) if entry.variadic and isinstance(given, list | tuple) else [given]
        elif not (entry.optional or entry.variadic):
            return found, f"{entry.name} is missing"
    return found, f"got also {listed(remaining)}" if remaining else ""


def signatures(loss: Loss) -> str:
    """Describe the inputs that a loss takes, by form, for a message."""
    return " or ".join(dict.fromkeys(f"({', '.join(map(describe_input, form.inputs))})" for form in loss.forms))


def describe_input(entry: Any) -> str:
    """Describe one input for a message: `[name]` if it is optional, `name, ...` if it may be several arrays."""
    return f"[{entry.name}]" if entry.optional else f"{entry.name}, ..." if entry.variadic else entry.name


def unknown(loss: Loss, name: str, value: Any) -> Exception:
    """The error for a call with an input by a name that the loss does not have."""
    parameters = [parameter.name for parameter in loss.parameters]
    if name == "reduction" or name in parameters:
        message = f"{loss.name}: {name} is an argument of create, not of calls"
        return InvalidParameter(f"{message}: lossreg.create({loss.name!r}, {name}={shown(value)})")
    inputs = dict.fromkeys(entry.name for form in loss.forms for entry in form.inputs)
    hint = nearest(name, [*inputs, *CALL_ARGUMENTS, *parameters, "reduction"])
    options = ", ".join(CALL_ARGUMENTS)
    message = f"{loss.name} has no input {name!r}; calls take {signatures(loss)}, then {options} by name"
    return InvalidType(message + (hint and f"; {hint}"))


def reject_call_arguments(loss: Loss, given: Iterable[str]) -> None:
    """Raise InvalidParameter for an argument of create that belongs to calls."""
    parameters = {parameter.name for parameter in loss.parameters}
    inputs = {entry.name for form in loss.forms for entry in form.inputs}
    for name in given:
        if name not in parameters and (name in CALL_ARGUMENTS or name in inputs):
            option = [f"{name}=..."] if name in CALL_ARGUMENTS else []
            call = ", ".join([entry.name for entry in loss.inputs] + option)
            message = f"{loss.name}: {name} is an argument of calls, not of create"
            raise InvalidParameter(f"{message}: criterion({call})")
