"""What callers give: inputs by position or by name, as arrays of numbers; and messages about arguments out of place."""

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
"""The types that a loss takes and gives, and the type that its loops compute in."""
NATIVE = {kind.num: kind for kind in FLOATS}
"""The same types by their number, which is that of any byte order."""

OF_CALLS = ("sample_weight", "where", "denominator", "wrt", "out")
"""The arguments that calls have besides the inputs."""

LONG = 60
"""Characters of a value that a message shows."""


def as_array(given: Any, owner: str, what: str) -> Array:
    """Give an argument as an array of real numbers; raises InvalidType or InvalidInput where it is none."""
    if isinstance(given, np.ma.MaskedArray):
        raise InvalidType(
            f"{owner}: expected {what} without a mask of its own; got a masked array: give its data, and where=~mask"
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
    """A value as a message shows it: in short, and an object such as a table by its type and shape."""
    kind = type(value)
    if not isinstance(value, list | tuple | str | bytes | dict | set | int | float):
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple) and shape:
            return f"an object of type {kind.__name__} and shape {shape}"
        if hasattr(value, "__len__"):
            return f"an object of type {kind.__name__} and length {len(value)}"
    brief = Repr()
    brief.maxlist = brief.maxtuple = 4
    brief.maxstring = brief.maxother = LONG
    return brief.repr(value)


def inputs_by_name(loss: Loss, arrays: tuple[Any, ...], named: Mapping[str, Any]) -> tuple[Any, ...]:
    """The inputs in the order of the form that has all of these names; raises InvalidType where none has."""
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
    """The inputs in the form's order, and what is wrong with them, if anything is."""
    left = dict(named)
    found = list(arrays)
    for entry in form.inputs[: len(arrays)]:
        if entry.name in left and not entry.variadic:
            return found, f"got {entry.name} both by position and by name"
    for entry in form.inputs[len(arrays) :]:
        if entry.name in left:
            given = left.pop(entry.name)
            found += list(given) if entry.variadic and isinstance(given, list | tuple) else [given]
        elif not (entry.optional or entry.variadic):
            return found, f"{entry.name} is missing"
    return found, f"got {listed(left)} besides" if left else ""


def signatures(loss: Loss) -> str:
    """The inputs that a loss takes, in words: those of each form."""
    return " or ".join(dict.fromkeys(f"({', '.join(map(in_words, form.inputs))})" for form in loss.forms))


def in_words(entry: Any) -> str:
    """An input among those that a loss takes."""
    return f"[{entry.name}]" if entry.optional else f"{entry.name}, ..." if entry.variadic else entry.name


def unknown(loss: Loss, name: str, value: Any) -> Exception:
    """The error of a call that names an input that the loss does not have."""
    parameters = [parameter.name for parameter in loss.parameters]
    if name == "reduction" or name in parameters:
        message = f"{loss.name}: {name} is an argument of create, and not of calls"
        return InvalidParameter(f"{message}: lossreg.create({loss.name!r}, {name}={shown(value)})")
    inputs = dict.fromkeys(entry.name for form in loss.forms for entry in form.inputs)
    hint = nearest(name, [*inputs, *OF_CALLS, *parameters, "reduction"])
    message = f"{loss.name} has no input {name!r}; calls take {signatures(loss)}, then {', '.join(OF_CALLS)} by name"
    return InvalidType(message + (hint and f"; {hint}"))


def refuse_arguments_of_calls(loss: Loss, given: Iterable[str]) -> None:
    """Raise InvalidParameter for an argument of create that belongs to calls."""
    parameters = {parameter.name for parameter in loss.parameters}
    inputs = {entry.name for form in loss.forms for entry in form.inputs}
    for name in given:
        if name not in parameters and (name in OF_CALLS or name in inputs):
            call = ", ".join([entry.name for entry in loss.inputs] + ([f"{name}=..."] if name in OF_CALLS else []))
            message = f"{loss.name}: {name} is an argument of calls, and not of create"
            raise InvalidParameter(f"{message}: criterion({call})")
