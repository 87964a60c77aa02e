"""The arguments of calls: inputs by position or by name as numeric arrays, and errors for misplaced arguments."""

from __future__ import annotations

from reprlib import Repr
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.signature import CALL_ARGUMENTS
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType, listed, nearest
from lossreg.kernels.drivers.short_floats import is_bfloat16

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


def is_numeric(dtype: np.dtype[Any]) -> bool:
    """Whether arrays of a dtype are inputs: of a float type, integer or boolean. The first bfloat16 joins FLOATS."""
    if is_bfloat16(dtype) and dtype.num not in NATIVE:
        NATIVE[dtype.num] = dtype if dtype.isnative else dtype.newbyteorder()
        FLOATS[NATIVE[dtype.num]] = np.float32
    return dtype.num in NATIVE or dtype.kind in "iub"


SHOWN_CHARACTERS = 60
"""The length at which a message abbreviates a value."""


def as_array(given: Any, owner: str, what: str) -> Array:
    """Convert an argument to an array of real numbers; raises InvalidType or InvalidInput if that is not possible."""
    if isinstance(given, np.ma.MaskedArray):
        raise InvalidType(
            f"{owner}: expected {what} as an ordinary array; got a masked array: pass its data, and where=~mask"
        )
    if not isinstance(given, np.ndarray):
        given = foreign_array(given, owner, what)
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise InvalidInput(f"{owner}: expected {what} as rows of one length; got {shown(given)}") from error
    if not is_numeric(array.dtype):
        got = array.dtype if isinstance(given, np.ndarray) else shown(given)
        got = f"{got} and dtype {given.dtype}" if got is not array.dtype and hasattr(given, "dtype") else got
        kinds = "bfloat16, float16, float32, float64, integer or boolean"
        raise InvalidType(f"{owner}: expected {what} as numbers of type {kinds}; got {got}")
    return array


def foreign_array(given: Any, owner: str, what: str) -> Any:
    """The array of another library's object, without a copy where that library allows it; other things as they are.

    Raises InvalidType or InvalidInput, with the remedy, for a tensor that requires a gradient or is traced, categories,
    and missing values.
    """
    library = type(given).__module__.partition(".")[0]
    bridge = {"torch": "torch", "jax": "jax", "jaxlib": "jax"}.get(library)
    if bridge:
        try:
            return np.asarray(given)
        except (RuntimeError, TypeError) as error:  # it requires a gradient, is traced, narrow, or on another device
            reason = str(error).partition("\n")[0]
            message = f"{owner}: expected {what} as numbers in memory; got a {type(given).__name__} that {bridge} keeps"
            remedy = f"lossreg.bridges.{bridge} has losses that differentiate, or detach it and move it to the CPU"
            raise InvalidType(f"{message} ({reason}); {remedy}") from error
    if library == "polars" and not hasattr(given, "__array__"):
        raise InvalidType(f"{owner}: expected {what} as numbers in memory; got a {type(given).__name__}: collect() it")
    columns = columns_to_check(given, library)
    for column in columns:
        refuse_column(column, owner, what, library)
    if hasattr(given, "__dlpack__") and not hasattr(given, "__array__"):
        return np.from_dlpack(given)
    if library == "pandas" and given.ndim > 1 and columns:  # pandas makes objects of such a frame
        return np.column_stack([np.asarray(column) for _, column in given.items()])
    return given


def columns_to_check(given: Any, library: str) -> list[Any]:
    """The columns of a frame or table that may hold categories or missing values; a series or array is one column."""
    if library == "pandas" and given.ndim > 1:
        return [given.iloc[:, at] for at, dtype in enumerate(given.dtypes) if not isinstance(dtype, np.dtype)]
    if library == "polars" and hasattr(given, "get_columns"):
        return list(given.get_columns())
    return list(given.itercolumns()) if library == "pyarrow" and hasattr(given, "itercolumns") else [given]


def refuse_column(given: Any, owner: str, what: str, library: str) -> None:
    """Raise InvalidType for categories, with the remedy, and InvalidInput for missing values."""
    kind = str(getattr(given, "dtype", getattr(given, "type", "")))
    if kind == "category" or kind.startswith(("Categorical", "Enum", "dictionary")):
        remedy = REMEDIES.get(library, "give codes")
        if hasattr(given, "combine_chunks"):
            remedy = "give labels.combine_chunks().indices"
        raise InvalidType(f"{owner}: expected {what} as numbers; got categories: {remedy}")
    missing = getattr(given, "null_count", 0)
    missing = missing() if callable(missing) else missing
    if not missing and hasattr(getattr(given, "dtype", None), "na_value"):
        missing = int(given.isna().sum())
    if missing:
        raise InvalidInput(
            f"{owner}: expected {what} without missing values; got {missing}: fill them, or drop the rows"
        )


REMEDIES = {
    "pandas": "give labels.cat.codes",
    "polars": "give labels.to_physical()",
    "pyarrow": "give labels.indices",
}
"""How the codes of categories are had in a library."""


def refuse_misaligned(owner: str, given: Iterable[Any]) -> None:
    """Raise InvalidInput for pandas objects whose indices differ: arrays go by position."""
    objects = [x for x in given if type(x).__module__.partition(".")[0] == "pandas"]
    indices = [x.index for x in objects if hasattr(x, "index")]
    if any(not index.equals(indices[0]) for index in indices):
        raise InvalidInput(
            f"{owner}: expected pandas objects with equal indices, as arrays go by position; "
            "align them, or give each as .to_numpy()"
        )


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
