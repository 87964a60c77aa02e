"""Check a call of a batch kernel: the axes of its arrays have names, and axes of the same name have the same size."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.arguments import as_array, describe_input
from lossreg.criterion.checked_call import Call
from lossreg.criterion.checking import check_options, graded_inputs
from lossreg.criterion.form_with_parameters import BoundForm
from lossreg.definition.annotations import ANY_AXES
from lossreg.definition.signature import CLASSES, SAMPLES, any_axes, variants
from lossreg.errors import InvalidInput, InvalidParameter, InvalidType
from lossreg.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.definition.signature import Form

    Array = np.ndarray[Any, Any]


def check_batch(
    forms: Sequence[BoundForm],
    arrays: Sequence[Array],
    sample_weight: Array | None,
    where: Array | None,
    wrt: Any,
    out: Sequence[Any] | None,
    layouts: Sequence[Any] = (),
) -> Call:
    """Check a call of a batch kernel; raises InvalidInput, InvalidType or InvalidParameter."""
    name = forms[0].loss
    names = [entry.name for entry in forms[0].form.inputs]
    names += names[-1:] * len(arrays)  # the last input may be several arrays
    for x, input_name in zip(arrays, names, strict=False):
        as_array(x, name, input_name)
    bound, sizes = match(forms, arrays)
    call = Call(bound, arrays, weighted_shape(bound.form, arrays, sizes), graded_inputs(bound, wrt))
    call.sizes = sizes
    if sample_weight is not None and bound.form.weight_axes is None:
        raise InvalidParameter(f"{name}: takes no sample_weight: all samples of a batch have one common value")
    if CLASSES in sizes:
        for parameter, value in bound.parameters:
            if isinstance(value, np.ndarray) and value.shape != (sizes[CLASSES],):
                message = f"{name}: expected {parameter.name} of shape ({sizes[CLASSES]},)"
                raise InvalidInput(f"{message}; got {value.shape}")
    check_options(call, sample_weight, where, out, layouts)
    return call


def match(forms: Sequence[BoundForm], arrays: Sequence[Array]) -> tuple[BoundForm, dict[str, int]]:
    """Find the form that these arrays fit; return it with the sizes of the axes by name."""
    given = len(arrays)
    fitting = [(bound, variant) for bound in forms for variant in variants(bound.form, given)]
    name = forms[0].loss
    if not fitting:
        takes = dict.fromkeys(", ".join(map(describe_input, bound.form.inputs)) for bound in forms)
        raise InvalidType(f"{name} takes {' or '.join(takes)}; got {counted(given, 'array')}")
    problems: list[str] = []
    for bound, variant in fitting:
        sizes, problem = measure(variant, padded(name, variant, arrays))
        if not problem:
            return BoundForm(name, bound.reduction, variant, bound.settings), sizes
        problems.append(problem)
    raise InvalidInput(f"{name}: expected {'; or '.join(dict.fromkeys(problems))}")


def padded(loss: str, form: Form, arrays: Sequence[Array]) -> Sequence[Array]:
    """The arrays, with concatenated sequences converted to rows that are padded with 0."""
    if not any(entry.lengths for entry in form.inputs):
        return arrays
    named = dict(zip([entry.name for entry in form.inputs], arrays, strict=False))
    for entry in form.inputs:
        if not entry.lengths:
            continue
        flat, lengths = named[entry.name], named[entry.lengths]
        if flat.ndim == lengths.ndim == 1 and lengths.dtype.kind in "iu" and (lengths >= 0).all():
            if lengths.sum() != len(flat):
                message = f"{loss}: expected {entry.name} of {lengths.sum()} numbers, the sum of {entry.lengths}"
                raise InvalidInput(f"{message}; got {len(flat)}")
            inside = inside_sequences(lengths)
            named[entry.name] = np.zeros(inside.shape, flat.dtype)
            named[entry.name][inside] = flat
    return list(named.values())


def inside_sequences(lengths: Array) -> Array:
    """The mask of padded rows that is true inside the sequences."""
    inside: Array = np.arange(lengths.max(initial=0)) < lengths[:, np.newaxis]
    return inside


def measure(form: Form, arrays: Sequence[Array]) -> tuple[dict[str, int], str]:
    """Return the sizes of the axes by name, and the expected and the given shape if an array does not fit.

    The size of `...` is the product of the sizes of its axes.
    """
    sizes: dict[str, int] = {}
    further: tuple[int, ...] | None = None
    single = form.plain and arrays[0].ndim == len(form.inputs[0].axes) - 1
    for array, entry in zip(arrays, form.inputs, strict=True):
        axes = tuple(axis for axis in entry.axes if not (single and axis == SAMPLES))
        before, known_further = dict(sizes), further
        named, shape = axes, array.shape
        if ANY_AXES in axes:
            at = any_axes(axes, array.ndim)
            named = axes[: at.start] + axes[at.start + 1 :]
            shape, rest = shape[: at.start] + shape[at.stop :], shape[at]
            further = rest if further is None else further
            fits = array.ndim >= len(named) and rest == further
            sizes[ANY_AXES] = prod(further)
        else:
            fits = array.ndim == len(axes)
        fits = fits and (entry.variadic or all(has_size(sizes, *pair) for pair in zip(named, shape, strict=True)))
        if not fits:
            known = ", ".join(
                expected_size(before, axis)
                if axis != ANY_AXES
                else axis
                if known_further is None
                else ", ".join(map(str, known_further))
                for axis in axes
            )
            return sizes, f"{entry.name} of shape ({known}{',' * (len(axes) == 1)}); got {array.shape}"
        if entry.domain.integer and array.dtype.kind not in "iu":
            return sizes, f"{entry.name} of an integer type; got {array.dtype}"
    return sizes, ""


def has_size(sizes: dict[str, int], axis: str, size: int) -> bool:
    """Whether an axis may have this size, which is recorded if the axis is the first of its name."""
    if axis.isdecimal():
        return int(axis) == size
    name, fewer, _ = axis.partition("-1")
    return sizes.setdefault(name, size + 1 if fewer else size) == (size + 1 if fewer else size)


def expected_size(sizes: dict[str, int], axis: str) -> str:
    """The expected size of an axis in a message: the number if it is known, otherwise the name."""
    name, fewer, _ = axis.partition("-1")
    known = sizes.get(name)
    return axis if known is None else str(known - 1 if fewer else known)


def weighted_shape(form: Form, arrays: Sequence[Array], sizes: dict[str, int]) -> tuple[int, ...]:
    """The shape of weights and masks: that of the samples, or, for some losses, of their elements."""
    if form.plain:
        return (sizes[SAMPLES],) if SAMPLES in sizes else ()
    shape: tuple[int, ...] = ()
    for axis in form.weight_axes or (SAMPLES,):
        shape += further_axes(form, arrays) if axis == ANY_AXES else (sizes[axis],)
    return shape


def further_axes(form: Form, arrays: Sequence[Array]) -> tuple[int, ...]:
    """The sizes of the axes that `...` stands for."""
    for x, entry in zip(arrays, form.inputs, strict=True):
        if ANY_AXES in entry.axes:
            return tuple(x.shape[any_axes(entry.axes, x.ndim)])
    return ()
