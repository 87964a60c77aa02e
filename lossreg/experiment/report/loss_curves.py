"""Shapes: a loss's value and slope over a range of predictions, one line for each kind of target.

The first input moves; of a row its first number does, and the others stay. The loss is asked at single points, by its
kernel in plain Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.domains import (
    CLASS_INDEX,
    LOG_PROBABILITY,
    NON_NEGATIVE,
    PADDED_CLASS_INDEX,
    POSITIVE,
    PROBABILITY,
    REAL,
    SIGN,
    UNIT,
    Domain,
)
from lossreg.definition.roles import Role
from lossreg.errors import InvalidInput, LossregError
from lossreg.experiment.storage.records import plain
from lossreg.registry.loading import SUFFIX
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Input

POINTS = 161
CLASSES, MOST_CLASSES = 3, 1000
RANGE = (-4.0, 4.0)
RANGES = {
    UNIT: (0.02, 0.98),  # at the ends slopes are too steep to draw
    PROBABILITY: (0.02, 0.98),
    POSITIVE: (0.05, 5.0),
    NON_NEGATIVE: (0.0, 5.0),
    LOG_PROBABILITY: (-6.0, 0.0),
}
TARGETS: dict[Domain, tuple[Any, ...]] = {
    SIGN: (1.0, -1.0),
    UNIT: (1.0, 0.0),
    NON_NEGATIVE: (0.0, 1.0, 3.0),
    POSITIVE: (1.0,),
    CLASS_INDEX: (0, 1),
    PADDED_CLASS_INDEX: ([0, -1, -1], [1, -1, -1]),
}
SCALES = (0.25, 1.0, 4.0)  # of an input that is 0 or above and no target, such as a variance
FIXED = {REAL: 0.0, POSITIVE: 1.0}


def call(given: dict[str, Any]) -> str:
    """A loss of a config as the call that makes it."""
    parameters = ", ".join(f"{key}={value!r}" for key, value in given.items() if key != "name")
    return f"{given['name']}({parameters})" if parameters else str(given["name"])


def shape(given: dict[str, Any]) -> dict[str, Any]:
    """The lines of a config's loss, or why there are none."""
    result: dict[str, Any] = {"call": call(given), "name": given["name"], "lines": []}
    if given["name"].endswith(SUFFIX):  # the results of a run may be anyone's, and reading them runs nothing
        return {**result, "problem": "a loss from a file is not drawn, as that would run the file"}
    try:
        loss = losses.get(given["name"])
        parameters = {key: value for key, value in given.items() if key != "name"}
        usual = {parameter.name: parameter.default for parameter in loss.parameters}
        result["call"] = call({key: value for key, value in given.items() if key not in usual or value != usual[key]})
        result["summary"] = loss.summary
        result["x"] = moving(loss)
        result["lines"] = [line(loss, parameters, label, rest) for label, rest in targets(loss, parameters)]
    except LossregError as error:
        result["problem"] = str(error)
    except Exception as error:  # noqa: BLE001  a plugin of anybody's must not take the page along
        result["problem"] = f"{type(error).__name__}: {error}"
    return result


def moving(loss: Loss) -> str:
    """What moves, in words."""
    first = loss.inputs[0]
    if first.axis is None:
        return first.name
    return f"{first.name}[0]"


def classes(loss: Loss, parameters: dict[str, Any]) -> int:
    """The length of a row: that of a parameter with a number for each class, if there is one."""
    rows = {p.name for p in loss.parameters if row_axis_of(p.annotation) is not None}
    lists = [len(value) for name, value in parameters.items() if name in rows and isinstance(value, list | tuple)]
    if max(lists, default=0) > MOST_CLASSES:
        raise InvalidInput(f"{max(lists):,} classes are too many to draw")
    return max(lists, default=CLASSES)


def targets(loss: Loss, parameters: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """For each line its label, and what the inputs that do not move are."""
    size = classes(loss, parameters)
    others = loss.inputs[1:]
    if not others:
        yield "", []
        return
    # What decides the side that is wanted, such as a label or a sign, is the last input that has several.
    varying = max(range(len(others)), key=lambda index: (others[index].domain in TARGETS, index))
    entry = others[varying]
    fixed = [at_rest(other, index, size) for index, other in enumerate(others)]
    if loss.inputs[0].domain is LOG_PROBABILITY and entry.domain is REAL:
        fixed[varying] = REAL.example  # the target is a probability
    if entry.axis is not None:
        yield ", ".join(f"{other.name} {other_fixed}" for other, other_fixed in zip(others, fixed, strict=True)), fixed
        return
    several = TARGETS.get(entry.domain, (fixed[varying],))
    if entry.domain is NON_NEGATIVE and not entry.is_target:
        several = SCALES
    for target in several:
        rest = [*fixed[:varying], target, *fixed[varying + 1 :]]
        yield f"{entry.name} {target:g}" if isinstance(target, int | float) else f"{entry.name} {target}", rest


def at_rest(entry: Input, index: int, size: int) -> Any:
    """An input that does not move: a number, or a row along the first direction, forth and back in turn."""
    if entry.axis is None:
        return FIXED.get(entry.domain, entry.domain.example)
    if entry.domain in (PROBABILITY, UNIT):
        return [1.0] + [0.0] * (size - 1)
    if entry.role is Role.LABELS:
        return [0] + [-1] * (size - 1)
    return [(-1.0) ** index] + [0.0] * (size - 1)


def line(loss: Loss, parameters: dict[str, Any], label: str, rest: list[Any]) -> dict[str, Any]:
    """One line: values and slopes at each place of the input that moves."""
    first, size = loss.inputs[0], classes(loss, parameters)
    low, high = RANGES.get(first.domain, RANGE)
    resting = -1.0 if first.domain is LOG_PROBABILITY else float(first.axis == -1)  # embeddings keep off the origin
    xs = [round(low + (high - low) * index / (POINTS - 1), 6) for index in range(POINTS)]
    plain_parameters = {key: single(loss, key, value) for key, value in parameters.items()}
    values, slopes = [], []
    for x in xs:
        moved = x if first.axis is None else [x] + [resting] * (size - 1)
        value, slope, *_ = loss.at(moved, *rest, **plain_parameters)
        values.append(number(value))
        slopes.append(number(slope if first.axis is None else slope[0]))
    return {"label": label, "x": xs, "value": values, "slope": slopes}


def single(loss: Loss, name: str, value: Any) -> Any:
    """A parameter at one point: of one that has a number for each column, the first column's."""
    parameter = next((p for p in loss.parameters if p.name == name), None)
    if parameter is None or row_axis_of(parameter.annotation) is not None or parameter.domain is None:
        return value
    while isinstance(value, list | tuple):
        value = value[0]
    return value


def number(value: Any) -> Any:
    """A number as JSON has it."""
    return plain(float(f"{float(value):.6g}"))
