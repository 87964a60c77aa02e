"""Check a call: which form its arrays fit, and whether its other arguments fit them.

Only types, shapes and layouts are checked, so that the result holds for every call with the same signature.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import as_array, is_numeric, shown
from lossreg.criterion.checked_call import Call, gradient_type
from lossreg.criterion.outputs import filling
from lossreg.criterion.shapes import broadcasts, implied_shapes, is_shared, row_axis
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.criterion.form_with_parameters import BoundForm
    from lossreg.definition.signature import Form, Input

    Array = np.ndarray[Any, Any]

VALUE_ONLY = object()
"""Passed as `wrt` by calls that compute no gradient."""


def check(
    forms: Sequence[BoundForm],
    arrays: Sequence[Array],
    sample_weight: Array | None,
    where: Array | None,
    wrt: Any,
    out: Sequence[Any] | None,
    layouts: Sequence[Any] = (),
) -> Call:
    """Check a call of a loss by element or by row; raises InvalidInput, InvalidType or InvalidParameter.

    `layouts` describe the arrays given as `out`: see `layouts_of`.
    """
    bound, shape = match(forms, arrays)
    call = Call(bound, arrays, shape, graded_inputs(bound, wrt))
    if bound.has_arrays:
        check_parameters(call)
    check_options(call, sample_weight, where, out, layouts)
    return call


def check_options(
    call: Call, sample_weight: Array | None, where: Array | None, out: Sequence[Any] | None, layouts: Sequence[Any]
) -> None:
    """Check sample weights, mask and `out`, and add them to the call; raises InvalidInput or InvalidType."""
    if sample_weight is not None:
        check_weight(call, sample_weight, "sample_weight")
        call.sample_weight = sample_weight
    if where is not None:
        check_weight(call, where, "where")
        if where.dtype != np.bool_:
            raise InvalidType(f"{call.bound.loss}: expected a mask of booleans as where, got {where.dtype}")
        call.where = where
    if out is not None:
        out = out if out.__class__ is tuple else (out,)
        check_out(call, out)
        call.out = tuple([filling(call, at, *pair) for at, *pair in zip(call.graded, out, layouts, strict=True)])


def match(forms: Sequence[BoundForm], arrays: Sequence[Array]) -> tuple[BoundForm, tuple[int, ...]]:
    """Find the form that the arrays fit; return it with the loss's own shape."""
    problems: list[tuple[type[InvalidInput | InvalidType], str]] = []
    for bound in forms:
        shape, problem = own_shape(bound.form, arrays)
        if not problem:
            return bound, shape
        problems.append(problem)
    raise mismatch(forms, arrays, problems)


def with_implied_axes(forms: Sequence[BoundForm], arrays: tuple[Array, ...]) -> tuple[Array, ...]:
    """The arrays with the axes of length 1 that callers may leave out; the arrays as given if they fit a form."""
    fitting = [bound.form for bound in forms if len(bound.form.inputs) == len(arrays)]
    if any(own_shape(form, arrays)[1] is None for form in fitting):
        return arrays
    for form in fitting:
        shapes = implied_shapes(form, [x.shape for x in arrays])
        made = tuple([x.reshape(shape) for x, shape in zip(arrays, shapes, strict=True)])
        if own_shape(form, made)[1] is None:
            return made
    return arrays


def own_shape(form: Form, arrays: Sequence[Array]) -> tuple[tuple[int, ...], Any]:
    """The loss's own shape if the arrays fit a form; otherwise the type of the error and what was expected."""
    inputs = form.inputs
    if len(inputs) != len(arrays):
        return (), (InvalidType, "")
    full, shape = arrays[0].shape, arrays[0].shape
    axis = inputs[0].axis
    if axis is not None:
        if not full or not full[row_axis(axis, len(full))]:
            return (), (InvalidInput, f"rows of at least one number as {inputs[0].name}, got shape {full}")
        at = row_axis(axis, len(full))
        shape = full[:at] + full[at + 1 :]
    for array, entry in zip(arrays, inputs, strict=True):
        expected = shape if entry.axis is None else full
        if array.shape != expected and not (entry.broadcast and is_shared(array.shape, full, target=entry.is_target)):
            message = f"{entry.name} of shape {expected}, as {inputs[0].name} has shape {full}; got {array.shape}"
            return (), (InvalidInput, message)
        problem = problem_of(entry, array)
        if problem:
            return (), problem
    return shape, None


def problem_of(entry: Input, array: Array) -> Any:
    """What is wrong with the type or the width of an array for an input, as `own_shape` gives it; None if nothing."""
    kind = array.dtype
    if not is_numeric(kind):
        return InvalidType, f"numbers as {entry.name}"
    if entry.domain.integer and kind.kind not in "iu":
        return InvalidType, f"{entry.name} of an integer type; got {kind}"
    if entry.width.isdecimal() and entry.axis is not None:
        length = array.shape[row_axis(entry.axis, array.ndim)]
        if length != int(entry.width):
            expected = f"rows of {entry.width} numbers as {entry.name}"
            return InvalidInput, f"{expected}; got rows of {length}, in shape {array.shape}"
    return None


def mismatch(forms: Sequence[BoundForm], arrays: Sequence[Array], problems: list[Any]) -> InvalidInput | InvalidType:
    """The error for arrays that fit no form, with the expectation of each form."""
    name, names = forms[0].loss, [entry.name for entry in forms[0].form.inputs]
    for x, entry in zip(arrays, forms[0].form.inputs, strict=False):
        as_array(x, name, entry.name)
    if len(names) != len(arrays):
        return InvalidType(f"{name} takes {len(names)} arrays ({', '.join(names)}), got {len(arrays)}")
    message = f"{name}: expected {'; or '.join(problem for _, problem in problems)}"
    swapped = [arrays[1], arrays[0], *arrays[2:]] if len(arrays) > 1 else []
    if swapped and any(own_shape(bound.form, swapped)[1] is None for bound in forms):
        message += f"; the first two arrays seem to be swapped: calls take ({', '.join(names)})"
    mistyped = any(kind is InvalidType for kind, _ in problems)
    return (InvalidType if mistyped else InvalidInput)(message)


def graded_inputs(bound: BoundForm, wrt: Any) -> tuple[int, ...]:
    """The positions of the slopes for `wrt`; raises InvalidParameter for an input that has no gradient."""
    if wrt is VALUE_ONLY:
        return ()
    names = bound.graded if wrt is None else wrt
    if wrt is not None:
        distinct = isinstance(wrt, list | tuple) and wrt and all(x not in wrt[:at] for at, x in enumerate(wrt))
        if not distinct:
            given = shown(wrt)
            raise InvalidParameter(f"{bound.loss}: expected names of inputs as wrt, such as ('target',); got {given}")
        for name in wrt:
            if name not in bound.slopes:
                hint = nearest(str(name), bound.slopes)
                message = f"{bound.loss}: expected wrt to name inputs among {listed(bound.slopes)}; got {shown(name)}"
                raise InvalidParameter(message + (hint and f"; {hint}"))
    return tuple([bound.slopes.index(name) for name in names])


def check_parameters(call: Call) -> None:
    """Raise InvalidInput for array parameters whose shapes do not fit the call."""
    bound, first = call.bound, call.arrays[0]
    for parameter, value in bound.parameters:
        if not isinstance(value, np.ndarray):
            continue
        if bound.by_row:
            expected = (first.shape[row_axis(bound.form.inputs[0].axis or 0, first.ndim)],)
            fits, message = value.shape == expected, f"of shape {expected}"
        else:
            fits = broadcasts(value.shape, call.shape)
            message = f"of a shape that broadcasts to {call.shape}"
        if not fits:
            raise InvalidInput(f"{bound.loss}: expected {parameter.name} {message}; got {value.shape}")


def check_weight(call: Call, array: Array, what: str) -> None:
    """Raise InvalidInput for weights or a mask of another shape than the loss's own or that of its first axes."""
    if not is_numeric(array.dtype):
        as_array(array, call.bound.loss, what)
    if array.shape != call.shape[: array.ndim] or (call.shape and not array.ndim):
        message = f"{call.bound.loss}: expected {what} of the loss's own shape {call.shape} or of its first axes"
        raise InvalidInput(f"{message}; got {array.shape}")


def check_out(call: Call, out: Sequence[Any]) -> None:
    """Raise InvalidInput for arrays that gradients cannot be written to."""
    name, slopes = call.bound.loss, call.bound.slopes
    if len(out) != len(call.graded):
        many, names = len(call.graded), ", ".join(slopes[at] for at in call.graded)
        raise InvalidInput(f"{name}: expected a tuple of {many} arrays as out ({names}); got {len(out)}")
    for at, buffer in zip(call.graded, out, strict=True):
        x = call.graded_array(at)
        kind, is_array = gradient_type(x), isinstance(buffer, np.ndarray)
        if not (is_array and buffer.shape == x.shape and buffer.dtype == kind and buffer.flags.writeable):
            got = f"{buffer.dtype} {buffer.shape}" if is_array else shown(buffer)
            locked = " that is read-only" if is_array and not buffer.flags.writeable else ""
            message = f"{name}: expected out for {slopes[at]} to be a writable array {kind} {x.shape}"
            raise InvalidInput(f"{message}; got {got}{locked}")
