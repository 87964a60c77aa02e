"""Read the signature of a batch kernel: its inputs, weights and slopes, its values, and how its samples are coupled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

from lossreg.definition.annotations import (
    Axes,
    Learned,
    MultiplicityMarker,
    SampleWeightMarker,
    SlopeArraysMarker,
    marker_inside,
    marker_of,
    row_axis_of,
    type_hints,
)
from lossreg.definition.parameter_values import UNION, choices
from lossreg.definition.roles import Role, input_role
from lossreg.definition.signature import (
    ANCHORS,
    BATCH,
    CLASSES,
    COUPLED_GROUPS,
    COUPLINGS,
    INDEPENDENT,
    SAMPLES,
    Form,
    Input,
)
from lossreg.errors import InvalidDefinition, listed, nearest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.parameters import Parameter


def read_batch_arguments(
    kernel: Callable[..., Any], supplied: dict[str, Any], parameters: tuple[Parameter, ...], couples: str = INDEPENDENT
) -> Form:
    """Read the signature of a batch kernel; raises InvalidDefinition for one that cannot be."""
    name, given = kernel.__name__, dict(supplied)
    slopes = given.popitem()[1] if given else None
    weight = marker_of(given[list(given)[-1]], SampleWeightMarker) if given else None
    weight_axes: tuple[str, ...] | None = None
    if weight:
        axes = marker_of(given.popitem()[1], Axes)
        weight_axes = axes.names if axes else (SAMPLES,)
    if not given or not marker_of(slopes, SlopeArraysMarker) or (couples == INDEPENDENT and not weight):
        expected = f"expected inputs, {'a SampleWeight and Slopes' if couples == INDEPENDENT else 'and Slopes'}"
        raise InvalidDefinition(f"{name}: {expected}; got {', '.join(supplied)}")
    inputs = tuple(read_input(name, key, annotation) for key, annotation in given.items())
    value_axes, counts = read_values(kernel)
    multiplicity = isinstance(weight, MultiplicityMarker)
    form = Form(
        kernel,
        inputs,
        (),
        (),
        parameters,
        (),
        couples=couples,
        value_axes=value_axes,
        weight_axes=weight_axes,
        multiplicity=multiplicity,
        counts=counts,
    )
    check_axes(form)
    if couples != INDEPENDENT:
        check_coupling(form)
    elif multiplicity and weight_axes == (SAMPLES,):
        raise InvalidDefinition(f"{name}: a Multiplicity is for coupled samples: @loss(couples=...); use SampleWeight")
    return form


def read_input(kernel: str, name: str, given: Any) -> Input:
    """Read one input of a batch kernel."""
    optional = get_origin(given) in UNION
    annotation = get_args(given)[0] if optional else given
    axes = marker_of(annotation, Axes)
    if axes is None:
        raise InvalidDefinition(f'{kernel}: input {name} needs its axes, such as Axes("N D")')
    learned = marker_of(annotation, Learned)
    if learned and (SAMPLES in axes.names or axes.domain.integer or optional):
        raise InvalidDefinition(f"{kernel}: {name} is learned: expected real numbers without the axis {SAMPLES}")
    return Input(
        name,
        axes.domain,
        axes=axes.names,
        variadic=get_origin(get_args(annotation)[0]) is tuple,
        optional=optional,
        lengths=axes.lengths,
        role=Role.LEARNED if learned else input_role(name, axes.role),
        learned=learned,
        kernel_checks=axes.kernel_checks,
    )


def read_values(kernel: Callable[..., Any]) -> tuple[tuple[str, ...], bool]:
    """Return the axes of the values that a kernel returns, and whether it also returns what they count in a mean."""
    annotation = type_hints(kernel).get("return", Any)
    counts = get_origin(annotation) is tuple
    axes = marker_inside(annotation, Axes)
    return (axes.names if axes else (SAMPLES,)), counts


def check_axes(form: Form) -> None:
    """Raise InvalidDefinition for axes that do not fit together."""
    name, every = form.kernel.__name__, {axis for entry in form.inputs for axis in entry.axes}
    if not form.inputs[0].axes or SAMPLES not in every:
        raise InvalidDefinition(f"{name}: expected an input with the axis {SAMPLES} of the samples")
    if form.weight_axes is not None and form.weight_axes[:1] != (SAMPLES,):
        raise InvalidDefinition(f"{name}: expected {SAMPLES} as the first axis of the weights")
    for axis in (*form.value_axes, *(form.weight_axes or ())):
        if axis not in every:
            hint = nearest(axis, every)
            raise InvalidDefinition(f"{name}: no input has the axis {axis!r}" + (hint and f"; {hint}"))
    for parameter in form.parameters:
        if parameter.role is Role.WEIGHT and not form.plain:
            raise InvalidDefinition(
                f"{name}: a mean divides by the weights {parameter.name} only if each sample has a value of its own; "
                "use Scale"
            )
        if row_axis_of(parameter.annotation) is not None and CLASSES not in every:
            raise InvalidDefinition(
                f"{name}: parameter {parameter.name} can be a row only if an input has the axis {CLASSES} "
                "of the classes, which gives its length"
            )
    check_lengths(form)


def check_lengths(form: Form) -> None:
    """Raise InvalidDefinition for sequences whose lengths are not an input, or that have further axes."""
    name = form.kernel.__name__
    for entry in (entry for entry in form.inputs if entry.lengths):
        if not any(
            other.name == entry.lengths and other.axes == (SAMPLES,) and other.domain.integer for other in form.inputs
        ):
            raise InvalidDefinition(
                f"{name}: expected the lengths of {entry.name} to be an input of integers with the axis "
                f"{SAMPLES}; got {entry.lengths!r}"
            )
        if len(entry.axes) != len(("samples", "steps")) or entry.axes[0] != SAMPLES:
            raise InvalidDefinition(
                f"{name}: input {entry.name} has lengths, so it needs the axis {SAMPLES} and one more; got "
                f"{' '.join(entry.axes)}"
            )


def check_coupling(form: Form) -> None:
    """Raise InvalidDefinition for a coupling that does not exist, or that the kernel's arguments do not fit."""
    name, couples = form.kernel.__name__, form.couples
    parameter = next((p for p in form.parameters if p.name == couples), None)
    found = [couples] if parameter is None else [*choices(parameter.annotation)]
    possible = {choice for choice in found if choice in COUPLINGS}
    if not possible:
        hint = nearest(couples, [*COUPLINGS, *(p.name for p in form.parameters)])
        raise InvalidDefinition(
            f"{name}: expected couples to be one of {listed(COUPLINGS)}, or the name of a parameter that is a choice "
            f"with one of these among others; got {couples!r}" + (hint and f"; {hint}")
        )
    if possible == {BATCH} == set(found) and form.weight_axes is not None and not form.multiplicity:
        raise InvalidDefinition(
            f"{name}: a loss of the batch has no samples to weigh: take a Multiplicity, or no weights at all"
        )
    if COUPLED_GROUPS in possible and not any(entry.role is Role.GROUP for entry in form.inputs):
        raise InvalidDefinition(f'{name}: expected an input with the groups, Annotated[Array, Axes("N", Group)]')
    if ANCHORS in possible and SAMPLES not in form.value_axes:
        raise InvalidDefinition(f"{name}: each anchor has a value, so the values need the axis {SAMPLES}")
