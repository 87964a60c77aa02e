"""Read a kernel's signature and results as a form; everything that cannot be a kernel is refused here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args, get_origin

from lossreg.definition.annotations import (
    Axes,
    BroadcastMarker,
    SampleWeightMarker,
    SlopeArraysMarker,
    SlopeRowMarker,
    domain_of,
    marker_inside,
    marker_of,
    role_of,
    row_axis_of,
)
from lossreg.definition.parameters import Parameter, read_signature, switches_of
from lossreg.definition.returned_values import returned_values
from lossreg.definition.roles import Role
from lossreg.definition.signature import CLASSES, SAMPLES, Form, Input
from lossreg.definition.values import UNION
from lossreg.errors import InvalidDefinition

if TYPE_CHECKING:
    from collections.abc import Callable

TARGET_NAMES = ("target", "label", "labels")
"""The names of inputs that are targets unless their annotation gives them another role."""


def read_kernel(kernel: Callable[..., Any]) -> Form:
    """Read a kernel as a form; raises InvalidDefinition for a function that is not a kernel."""
    form = read_arguments(kernel)
    name, returned = kernel.__name__, returned_values(kernel)
    if form.by_row or form.by_batch:
        if returned and returned.count != 1:
            value = "the values of the samples" if form.by_batch else "the value"
            raise InvalidDefinition(f"{name}: expected it to return {value}, and nothing else; {returned}")
        return form
    most = len(form.inputs)
    expected = f"{name}: expected it to return a value and 1 to {most} slopes"
    if returned is None:
        raise InvalidDefinition(
            f"{expected}; how many it returns is not clear from its source: declare it with an annotation, such as "
            "-> tuple[float, float] for a value and one slope"
        )
    if not 1 < returned.count <= most + 1:
        raise InvalidDefinition(f"{expected}; {returned}")
    return replace(form, returned_slopes=returned.count - 1)


def read_arguments(function: Callable[..., Any]) -> Form:
    """Read the inputs, slope rows and parameters of a kernel, or of the second derivative of one."""
    supplied, parameters = read_signature(function)
    if any(marker_inside(annotation, Axes) for annotation in supplied.values()):
        return read_batch_arguments(function, supplied, parameters)
    slopes = [name for name, annotation in supplied.items() if marker_inside(annotation, SlopeRowMarker)]
    inputs: list[Input] = []
    for name, annotation in supplied.items():
        if name in slopes:
            continue
        domain = domain_of(annotation)
        if domain is None:
            raise InvalidDefinition(f"{function.__name__}: input {name} needs a domain, such as Real or Row[Real]")
        broadcast = marker_of(annotation, BroadcastMarker) is not None
        role = input_role(name, role_of(annotation))
        inputs.append(Input(name, domain, row_axis_of(annotation), broadcast, role=role))
    rows = [entry.name for entry in inputs if entry.axis is not None]
    if not inputs or list(supplied) != [entry.name for entry in inputs] + slopes:
        raise InvalidDefinition(f"{function.__name__}: expected inputs, then slope rows; got {', '.join(supplied)}")
    if len(slopes) > len(rows) or (rows and not slopes):
        raise InvalidDefinition(
            f"{function.__name__}: expected a slope row for each row with a gradient; got {slopes} for {rows}",
        )
    for parameter in parameters:
        if not rows and row_axis_of(parameter.annotation) is not None:
            raise InvalidDefinition(
                f"{function.__name__}: parameter {parameter.name} cannot be a row, as the inputs are single numbers"
            )
    optional = tuple(name for name in slopes if get_origin(supplied[name]) in UNION)
    switches = switches_of(function, parameters)
    return Form(function, tuple(inputs), tuple(slopes), optional, parameters, switches)


def read_batch_arguments(
    kernel: Callable[..., Any], supplied: dict[str, Any], parameters: tuple[Parameter, ...]
) -> Form:
    """Read the inputs and parameters of a batch kernel."""
    arrays, last = list(supplied.items())[:-2], list(supplied.values())[-2:]
    if not arrays or not marker_of(last[0], SampleWeightMarker) or not marker_of(last[1], SlopeArraysMarker):
        expected = "expected inputs, a SampleWeight and Slopes"
        raise InvalidDefinition(f"{kernel.__name__}: {expected}; got {', '.join(supplied)}")
    inputs = []
    for name, given in arrays:
        optional = get_origin(given) in UNION
        annotation = get_args(given)[0] if optional else given
        axes = marker_of(annotation, Axes)
        if axes is None:
            raise InvalidDefinition(f'{kernel.__name__}: input {name} needs its axes, such as Axes("N D")')
        variadic = get_origin(get_args(annotation)[0]) is tuple
        inputs.append(
            Input(
                name,
                axes.domain,
                axes=axes.names,
                variadic=variadic,
                optional=optional,
                lengths=axes.lengths,
                role=input_role(name, axes.role),
            )
        )
    every = {axis for entry in inputs for axis in entry.axes}
    if SAMPLES not in every:
        raise InvalidDefinition(f"{kernel.__name__}: expected an input with the axis {SAMPLES} of the samples")
    for parameter in parameters:
        if row_axis_of(parameter.annotation) is not None and CLASSES not in every:
            raise InvalidDefinition(
                f"{kernel.__name__}: parameter {parameter.name} can be a row only if an input has the axis {CLASSES} "
                "of the classes, which gives its length"
            )
    for entry in (entry for entry in inputs if entry.lengths):
        if not any(
            other.name == entry.lengths and other.axes == (SAMPLES,) and other.domain.integer for other in inputs
        ):
            raise InvalidDefinition(
                f"{kernel.__name__}: expected the lengths of {entry.name} to be an input of integers with the axis "
                f"{SAMPLES}; got {entry.lengths!r}"
            )
    return Form(kernel, tuple(inputs), (), (), parameters, ())


def input_role(name: str, declared: Role | None) -> Role | None:
    """Return the role of an input: the declared one, or that of its name."""
    return declared or (Role.TARGET if name in TARGET_NAMES else None)
