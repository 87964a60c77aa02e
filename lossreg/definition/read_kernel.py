"""Read the signature and results of a kernel as a form; every function that cannot be a kernel is refused here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_origin

from lossreg.definition.annotations import (
    FEWER_CLASSES,
    Axes,
    BroadcastMarker,
    Learned,
    SlopeRowMarker,
    Width,
    domain_of,
    marker_inside,
    marker_of,
    role_of,
    row_axis_of,
)
from lossreg.definition.parameter_values import UNION
from lossreg.definition.parameters import fills_hessian, read_signature, switches_of
from lossreg.definition.read_batch_kernel import read_batch_arguments
from lossreg.definition.returned_values import returned_values
from lossreg.definition.roles import Role, input_role
from lossreg.definition.signature import CALL_ARGUMENTS, INDEPENDENT, Form, Input
from lossreg.errors import InvalidDefinition, listed

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.domains import Domain
    from lossreg.definition.returned_values import Returned


def read_kernel(kernel: Callable[..., Any], couples: str = INDEPENDENT) -> Form:
    """Read a kernel as a form; raises InvalidDefinition for a function that is not a kernel."""
    form = read_arguments(kernel, couples)
    for entry in form.inputs:
        check_domain(kernel.__name__, entry.domain)
    for taken in [x.name for x in form.inputs] + [x.name for x in form.parameters]:
        if taken in {*CALL_ARGUMENTS, "reduction"}:
            raise InvalidDefinition(f"{kernel.__name__}: {taken} is an argument of criteria; choose another name")
    name, returned = kernel.__name__, returned_values(kernel)
    if couples != INDEPENDENT and not form.by_batch:
        raise InvalidDefinition(
            f'{name}: samples can be coupled by a batch kernel only, with Axes("N ...") on its inputs'
        )
    if form.by_row or form.by_batch:
        if form.by_batch and returned and returned.count == 2:  # noqa: PLR2004  values and counts
            return replace(form, counts=True)
        if returned and returned.count != 1:
            value = "the values, or the values and what each counts" if form.by_batch else "the value"
            raise InvalidDefinition(f"{name}: expected it to return {value}, and nothing else; {returned}")
        return form
    return with_slopes(form, returned)


def with_slopes(form: Form, returned: Returned | None) -> Form:
    """Set how many slopes a kernel by element returns; raises InvalidDefinition for too few or too many."""
    name, most = form.kernel.__name__, len(form.inputs)
    expected = f"{name}: expected it to return a value and 1 to {most} slopes"
    if returned is None:
        raise InvalidDefinition(
            f"{expected}; how many it returns is not clear from its source: declare it with an annotation, such as "
            "-> tuple[float, float] for a value and one slope"
        )
    if not 1 < returned.count <= most + 1:
        raise InvalidDefinition(f"{expected}; {returned}")
    form = replace(form, returned_slopes=returned.count - 1)
    if not form.default_wrt:
        raise InvalidDefinition(
            f"{name}: expected the slope of a prediction; got those of targets: {listed(form.slopes)}"
        )
    return form


def read_arguments(function: Callable[..., Any], couples: str = INDEPENDENT) -> Form:
    """Read the inputs, slope rows and parameters of a kernel, or of the second derivative of one."""
    supplied, parameters = read_signature(function)
    if any(marker_inside(annotation, Axes) for annotation in supplied.values()):
        return read_batch_arguments(function, supplied, parameters, couples)
    slopes = [name for name, annotation in supplied.items() if marker_inside(annotation, SlopeRowMarker)]
    inputs: list[Input] = []
    for name, annotation in supplied.items():
        if name in slopes:
            continue
        domain = domain_of(annotation)
        if domain is None:
            raise InvalidDefinition(f"{function.__name__}: input {name} needs a domain, such as Real or Row[Real]")
        learned, width = marker_of(annotation, Learned), marker_of(annotation, Width)
        broadcast = marker_of(annotation, BroadcastMarker) is not None or learned is not None
        role = Role.LEARNED if learned else input_role(name, role_of(annotation))
        axis, wide = row_axis_of(annotation), width.axis if width else ""
        inputs.append(Input(name, domain, axis, broadcast, role=role, learned=learned, width=wide))
    if inputs and inputs[0].width == FEWER_CLASSES:
        inputs = [replace(entry, extra_classes=1) if entry.role is Role.LABEL else entry for entry in inputs]
    check_widths(function.__name__, inputs)
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
    hessian = function if slopes and fills_hessian(function) else None
    return Form(function, tuple(inputs), tuple(slopes), optional, parameters, switches, hessian=hessian)


def check_domain(kernel: str, domain: Domain) -> None:
    """Raise InvalidDefinition for a domain whose test fails, or is not true for its example."""
    try:
        inside = bool(domain.contains(domain.example))
    except Exception as error:
        raise InvalidDefinition(f"{kernel}: the test of {domain} fails for its example: {error}") from error
    if not inside:
        raise InvalidDefinition(f"{kernel}: the example of {domain}, {domain.example!r}, is not in the domain")


def check_widths(kernel: str, inputs: list[Input]) -> None:
    """Raise InvalidDefinition for widths that do not fit the inputs, and for a learned input beside rows."""
    widths = dict.fromkeys(entry.width for entry in inputs if entry.width)
    if len(widths) > 1:
        raise InvalidDefinition(f"{kernel}: all rows of a kernel have one width; got {' and '.join(widths)}")
    for entry in inputs:
        if entry.width and entry.axis is None:
            raise InvalidDefinition(f"{kernel}: {entry.name} has a width, but is not a Row or ClassRow")
        if entry.learned and any(other.axis is not None for other in inputs):
            raise InvalidDefinition(
                f"{kernel}: {entry.name} is learned, but a kernel by row cannot add up its slopes; write it as a "
                "batch kernel"
            )
