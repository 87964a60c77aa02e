"""Guards: functions in compiled loops that check whether a point is ignored and whether it is outside its domains."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, Any

from lossreg.definition.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form, Input


def guard(form: Form) -> Callable[..., Any]:
    """The guard of a form: a function of a point and the parameters that returns (is ignored, is outside a domain)."""
    settings = [parameter for parameter in form.parameters if parameter.name not in form.switches]
    ignored = next((at for at, parameter in enumerate(settings) if parameter.role is Role.IGNORED_LABEL), None)
    guards = [
        label_guard(position, ignored, entry.extra_classes)
        if entry.role is Role.LABEL
        else label_list_guard(position)
        if entry.role is Role.LABELS
        else domain_guard(position, entry)
        for position, entry in enumerate(form.inputs)
        if entry.domain.integer or entry.domain.bounded
    ]
    return reduce(combined, guards) if guards else no_guard


def no_guard(point: Any, parameters: Any) -> tuple[bool, bool]:
    """The guard of a form whose inputs have no bounds."""
    return False, False


def combined(first: Callable[..., Any], second: Callable[..., Any]) -> Callable[..., Any]:
    """A guard that combines the results of two guards by `or`."""

    def either(point: Any, parameters: Any) -> tuple[bool, bool]:
        ignored, outside = first(point, parameters)
        also_ignored, also_outside = second(point, parameters)
        return ignored | also_ignored, outside | also_outside

    return either


def label_guard(position: int, ignored: int | None, extra: int) -> Callable[..., Any]:
    """The guard of a class label: it must be an index of the first input row, or the label to ignore.

    There are `extra` classes beyond the length of that row.
    """
    if ignored is None:

        def in_range(point: Any, parameters: Any) -> tuple[bool, bool]:
            return False, (point[position] < 0) | (point[position] >= len(point[0]) + extra)

        return in_range

    def ignored_or_in_range(point: Any, parameters: Any) -> tuple[bool, bool]:
        label = point[position]
        skip = label == parameters[ignored]
        return skip, (not skip) & ((label < 0) | (label >= len(point[0]) + extra))

    return ignored_or_in_range


def label_list_guard(position: int) -> Callable[..., Any]:
    """The guard of a row of class labels that ends before the first -1."""

    def listed(point: Any, parameters: Any) -> tuple[bool, bool]:
        outside, ended = False, False
        for j in range(len(point[position])):
            label = point[position][j]
            ended |= label == -1
            outside |= (not ended) & ((label < 0) | (label >= len(point[0])))
        return False, outside

    return listed


def domain_guard(position: int, entry: Input) -> Callable[..., Any]:
    """The guard of an input with a bounded domain."""
    contains = entry.domain.contains
    if entry.axis is None:

        def element(point: Any, parameters: Any) -> tuple[bool, bool]:
            return False, not contains(point[position])

        return element

    def row(point: Any, parameters: Any) -> tuple[bool, bool]:
        outside = False
        for j in range(len(point[position])):
            outside |= not contains(point[position][j])
        return False, outside

    return row
