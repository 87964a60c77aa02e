"""The curves of a loss: its value and slope over a range of predictions, with a line for each of some targets.

The first input varies; of a row, its first number does. All other inputs are constant. The loss is evaluated at single
points, by its kernel in plain Python.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.domains import (
    CLASS_INDEX,
    FINITE,
    FINITE_NON_NEGATIVE,
    FINITE_POSITIVE,
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
from lossreg.definition.plain_python.shown_points import BOX, BOX_RANGE
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
FLAT = 2
"""The different values of a line that is flat but for its minimum."""
DEFAULT_CLASSES, MAX_CLASSES = 3, 1000
RANGE = (-4.0, 4.0)
RANGES = {
    UNIT: (0.02, 0.98),  # at 0 and 1 slopes are too steep to draw
    PROBABILITY: (0.02, 0.98),
    POSITIVE: (0.05, 5.0),
    NON_NEGATIVE: (0.0, 5.0),
    FINITE_POSITIVE: (0.05, 5.0),
    FINITE_NON_NEGATIVE: (0.0, 5.0),
    LOG_PROBABILITY: (-6.0, 0.0),
}
TARGETS: dict[Domain, tuple[Any, ...]] = {
    SIGN: (1.0, -1.0),
    UNIT: (1.0, 0.0),
    NON_NEGATIVE: (0.0, 1.0, 3.0),
    POSITIVE: (1.0,),
    FINITE_NON_NEGATIVE: (0.0, 1.0, 3.0),
    FINITE_POSITIVE: (1.0,),
    CLASS_INDEX: (0, 1),
    PADDED_CLASS_INDEX: ([0, -1, -1], [1, -1, -1]),
}
SCALES = (0.25, 1.0, 4.0)
"""The values of a non-negative input that is not a target, such as a variance."""
CONSTANTS = {POSITIVE: 1.0, FINITE_POSITIVE: 1.0}
"""The values of constant inputs, where they are not the example of their domain."""


def call(given: dict[str, Any]) -> str:
    """The loss of a config as a call: ``huber(delta=2.0)``."""
    parameters = ", ".join(f"{key}={value!r}" for key, value in given.items() if key != "name")
    return f"{given['name']}({parameters})" if parameters else str(given["name"])


def loss_curves(given: dict[str, Any]) -> dict[str, Any]:
    """The curves of the loss of a config, or the problem why it cannot be drawn."""
    result: dict[str, Any] = {"call": call(given), "name": given["name"], "lines": []}
    if given["name"].endswith(SUFFIX):  # the results of a run may be anyone's, and reading them runs nothing
        return {**result, "problem": "a loss from a file is not drawn, as that would run the file"}
    try:
        loss = losses.get(given["name"])
        parameters = {key: value for key, value in given.items() if key != "name"}
        defaults = {parameter.name: parameter.default for parameter in loss.parameters}
        changed = {key: value for key, value in given.items() if key not in defaults or value != defaults[key]}
        result["call"] = call(changed)
        result["summary"] = loss.summary
        result["x"] = name_of_varied(loss)
        for center in (0.0, 1.0):  # a loss that is relative to its target is flat for a target of 0
            result["lines"] = [line(loss, parameters, *each) for each in lines(loss, parameters, center)]
            if any(len({*one["value"]}) > FLAT for one in result["lines"]):
                break
    except LossregError as error:
        result["problem"] = str(error)
    except Exception as error:  # noqa: BLE001  whatever a plugin raises, the rest of the page is made
        result["problem"] = f"{type(error).__name__}: {error}"
    return result


def name_of_varied(loss: Loss) -> str:
    """The name of the input that varies, or of the first number of the row that does."""
    first = loss.inputs[0]
    if first.axis is None:
        return first.name
    return f"{first.name}[0]"


def is_box(entry: Input) -> bool:
    """Whether an input is a row of the corners of a box."""
    return entry.width == str(len(BOX))


def row_length(loss: Loss, parameters: dict[str, Any]) -> int:
    """The length of rows: a fixed one, that of a parameter with a number for each class, or else 3."""
    if is_box(loss.inputs[0]):
        return len(BOX)
    rows = {p.name for p in loss.parameters if row_axis_of(p.annotation) is not None}
    lists = [len(value) for name, value in parameters.items() if name in rows and isinstance(value, list | tuple)]
    if max(lists, default=0) > MAX_CLASSES:
        raise InvalidInput(f"{max(lists):,} classes are too many to draw")
    return max(lists, default=DEFAULT_CLASSES)


def lines(loss: Loss, parameters: dict[str, Any], center: float) -> Iterator[tuple[str, list[Any]]]:
    """For each line its label, and the values of the constant inputs; `center` is that of inputs of any size."""
    size = row_length(loss, parameters)
    others = loss.inputs[1:]
    if not others:
        yield "", []
        return
    # Lines differ in the last input of a domain with several targets, such as a label or a sign.
    chosen = max(range(len(others)), key=lambda index: (others[index].domain in TARGETS, index))
    entry = others[chosen]
    values = [constant(other, index, size, center) for index, other in enumerate(others)]
    if loss.inputs[0].domain is LOG_PROBABILITY and entry.domain is REAL:
        values[chosen] = REAL.example  # the target is a probability
    if entry.axis is not None:
        yield ", ".join(f"{other.name} {value}" for other, value in zip(others, values, strict=True)), values
        return
    several = TARGETS.get(entry.domain, (values[chosen],))
    if entry.domain is NON_NEGATIVE and not entry.is_target:
        several = SCALES
    for target in several:
        label = f"{entry.name} {target:g}" if isinstance(target, int | float) else f"{entry.name} {target}"
        yield label, [*values[:chosen], target, *values[chosen + 1 :]]


def constant(entry: Input, index: int, size: int, center: float) -> Any:
    """The value of a constant input: a number, or a row with 1 or -1 (in turn) as its first number, and 0 otherwise."""
    if is_box(entry):
        return [*BOX]
    if entry.axis is None:
        return center if entry.domain in (REAL, FINITE) else CONSTANTS.get(entry.domain, entry.domain.example)
    if entry.domain in (PROBABILITY, UNIT):
        return [1.0] + [0.0] * (size - 1)
    if entry.role is Role.LABELS:
        return [0] + [-1] * (size - 1)
    return [(-1.0) ** index] + [0.0] * (size - 1)


def line(loss: Loss, parameters: dict[str, Any], label: str, others: list[Any]) -> dict[str, Any]:
    """A line: the value and the slope of the loss at each point of the input that varies, where the loss is defined."""
    first, size = loss.inputs[0], row_length(loss, parameters)
    low, high = BOX_RANGE if is_box(first) else RANGES.get(first.domain, RANGE)
    # The other numbers of the row; those of an embedding are 1, so that it never is the origin.
    other = -1.0 if first.domain is LOG_PROBABILITY else float(first.axis == -1)
    rest = [*BOX[1:]] if is_box(first) else [other] * (size - 1)
    xs = [round(low + (high - low) * index / (POINTS - 1), 6) for index in range(POINTS)]
    scalars = {key: first_value(loss, key, value) for key, value in parameters.items()}
    points, values, slopes = [], [], []
    for x in xs:
        varied = x if first.axis is None else [x, *rest]
        value, slope, *_ = loss.at(varied, *others, **scalars)
        if isnan(value):
            continue
        points.append(x)
        values.append(json_number(value))
        slopes.append(json_number(slope if first.axis is None else slope[0]))
    return {"label": label, "x": points, "value": values, "slope": slopes}


def first_value(loss: Loss, name: str, value: Any) -> Any:
    """The value of a parameter at one point; of an array with a number for each column, that of the first."""
    parameter = next((p for p in loss.parameters if p.name == name), None)
    if parameter is None or row_axis_of(parameter.annotation) is not None or parameter.domain is None:
        return value
    while isinstance(value, list | tuple):
        value = value[0]
    return value


def json_number(value: Any) -> Any:
    """A number with six digits, as a JSON value."""
    return plain(float(f"{float(value):.6g}"))
