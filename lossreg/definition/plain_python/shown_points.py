"""The points at which a loss is shown: simple numbers for its inputs, and the range over which the first one varies."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING, Any

from lossreg.definition.domains import LOG_PROBABILITY, NON_NEGATIVE, PROBABILITY, REAL, SIGN, UNIT
from lossreg.definition.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lossreg.definition.signature import Form, Input

CLASSES, DIMENSIONS = 3, 2
"""The length of a row with a number for each class, and that of an embedding."""
RANGES = {UNIT: (0.01, 0.99), PROBABILITY: (0.01, 0.99), LOG_PROBABILITY: (-5.0, 0.0)}
RANGES_BY_TARGET = {REAL: (-4.0, 4.0), SIGN: (-3.0, 3.0), UNIT: (-6.0, 6.0)}
OTHERWISE = (-4.0, 4.0)
VECTORS, APART = ((0.0, 0.5), (1.0, 0.0), (-1.0, 0.5)), (-1.0, 1.0)
BOX, BOX_RANGE = (0.0, 0.0, 1.0, 1.0), (-1.5, 0.98)
"""The corners of a box, and the range of the first of its numbers."""
BLOCKS, SPARKLINE = "▁▂▃▄▅▆▇█", 7
"""The characters of a sparkline, from low to high, and how many of them it has."""


def usual(entry: Input, form: Form, classes: int = CLASSES) -> Any:
    """Return the number or row that an input is fixed at; `classes` is the length of rows with one for each class."""
    if entry.role is Role.LABEL:
        return 0
    width = int(entry.width) if entry.width.isdecimal() else classes if has_classes(form) else DIMENSIONS
    if entry.role is Role.LABELS:
        return [0] + [-1] * (width - 1)
    if entry.axis is None:
        return number(entry)
    if width == len(BOX):
        return [*BOX]
    if entry.domain is REAL and not has_classes(form) and not entry.width:
        place = [x.name for x in form.inputs if x.axis is not None].index(entry.name)
        # Equal means would make the weights of a mixture irrelevant.
        vectors = VECTORS if entry.axis != 1 else [APART] if place == 1 and not entry.is_target else []
        if vectors:
            return [*vectors[place % len(vectors)]]
    return [number(entry) if at == 0 or not entry.is_target else 0.0 for at in range(width)]


def has_classes(form: Form) -> bool:
    """Whether the rows of a form have a number for each class."""
    return any(entry.role in (Role.LABEL, Role.LABELS) for entry in form.inputs)


def number(entry: Input) -> float:
    """Return the number that an input, or each of its row, is fixed at: 0 if any number is allowed, or else 1."""
    if entry.domain is NON_NEGATIVE and entry.is_target:
        return 2.0
    if entry.domain is LOG_PROBABILITY:
        return -1.0
    if entry.domain is PROBABILITY:
        return 1.0 / CLASSES
    if entry.domain is REAL:
        return 0.0
    return 1.0 if entry.domain.contains(1.0) else entry.domain.example


def range_of(form: Form) -> tuple[float, float]:
    """Return the ends of the range of the first input: of its domain, or as usual for the domain of the target."""
    domain = form.inputs[0].domain
    if form.inputs[0].width == str(len(BOX)):
        return BOX_RANGE
    targets = [entry.domain for entry in form.inputs if entry.is_target]
    if domain is REAL:
        return RANGES_BY_TARGET.get(targets[0], OTHERWISE) if targets and not has_classes(form) else (-6.0, 6.0)
    return RANGES.get(domain, (0.02, 4.0))


def spaced(start: float, stop: float, count: int) -> list[float]:
    """Return numbers at equal distances."""
    return [start + (stop - start) * at / (count - 1) for at in range(count)]


def sparkline(form: Form, at: Callable[..., Any]) -> str:
    """Return the values of a form by element over the range of its first input as blocks; nothing for other forms."""
    if form.by_row or form.by_batch or any(parameter.required for parameter in form.parameters):
        return ""
    others = [usual(entry, form) for entry in form.inputs[1:]]
    return blocks([at(x, *others)[0] for x in spaced(*range_of(form), SPARKLINE)])


def blocks(numbers: Sequence[float]) -> str:
    """Return numbers as a word of blocks, the lowest and the highest of them as the lowest and the highest block."""
    known = [number for number in numbers if isfinite(number)]
    low, high = min(known, default=0.0), max(known, default=0.0)
    step = (high - low) / (len(BLOCKS) - 1) or 1.0
    return "".join(BLOCKS[round((x - low) / step)] if isfinite(x) else " " for x in numbers)
