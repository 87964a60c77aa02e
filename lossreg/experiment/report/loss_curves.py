"""The curves of the losses of runs: value and slope over a range of predictions, with a line for each of some targets.

They are those of `lossreg.plotting`, with the parameters of a run, as JSON values.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import row_axis_of
from lossreg.definition.domains import (
    CLASS_INDEX,
    FINITE_NON_NEGATIVE,
    FINITE_POSITIVE,
    NON_NEGATIVE,
    PADDED_CLASS_INDEX,
    POSITIVE,
    REAL,
    SIGN,
    UNIT,
    Domain,
)
from lossreg.definition.plain_python.shown_points import CLASSES, usual
from lossreg.errors import InvalidInput, LossregError
from lossreg.experiment.config.keys import TERM
from lossreg.experiment.storage.records import name_of_loss, plain
from lossreg.plotting import curves as plotting
from lossreg.plotting.variations import Variation
from lossreg.registry.loading import SUFFIX
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from lossreg.definition.loss import Loss

FLAT = 2
"""The different values of a line that is flat but for its minimum."""
MAX_CLASSES = 1000
TARGETS: dict[Domain, tuple[float, ...]] = {
    SIGN: (1.0, -1.0),
    UNIT: (1.0, 0.0),
    NON_NEGATIVE: (0.0, 1.0, 3.0),
    POSITIVE: (1.0,),
    FINITE_NON_NEGATIVE: (0.0, 1.0, 3.0),
    FINITE_POSITIVE: (1.0,),
    CLASS_INDEX: (0, 1),
    PADDED_CLASS_INDEX: (0, 1),
}
"""The targets of the lines; a row of classes has this one alone."""
SCALES = (0.25, 1.0, 4.0)
"""The values of a non-negative input that is not a target, such as a variance."""


def call(given: Any) -> str:
    """The loss of a config as a call: ``huber(delta=2.0)``, or of a sum ``0.5 mse + 1 huber(delta=2.0)``."""
    if isinstance(given, list):
        return " + ".join(f"{term.get('factor', 1.0):g} {call(term)}" for term in given)
    parameters = ", ".join(f"{key}={value!r}" for key, value in parameters_of(given).items())
    return f"{given['name']}({parameters})" if parameters else str(given["name"])


def parameters_of(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a loss in a config, without what a term of a sum has beside them."""
    return {key: value for key, value in given.items() if key not in {"name", *(each.name for each in TERM)}}


def loss_curves(given: Any) -> dict[str, Any]:
    """The curves of the loss of a config, or the problem why it cannot be drawn; those of a sum are its terms'."""
    result: dict[str, Any] = {"call": call(given), "name": name_of_loss(given), "lines": []}
    if isinstance(given, list):
        return {**result, "summary": "A weighted sum of losses, each of which is drawn by itself."}
    if given["name"].endswith(SUFFIX):  # the results of a run may be anyone's, and reading them runs nothing
        return {**result, "problem": "a loss from a file is not drawn, as that would run the file"}
    try:
        loss = losses.get(given["name"])
        parameters = parameters_of(given)
        defaults = {parameter.name: parameter.default for parameter in loss.parameters}
        changed = {key: value for key, value in parameters.items() if key not in defaults or value != defaults[key]}
        result["call"] = call({"name": given["name"], **changed})
        result["summary"] = loss.summary
        for center in (0.0, 1.0):  # a loss that is relative to its target is flat for a target of 0
            drawn = plotting.loss_curves(
                loss, lines(loss, parameters), fixed=fixed(loss, parameters, center), second=False
            )
            result["x"] = drawn.varied
            result["lines"] = [as_json(curve) for curve in drawn.curves]
            if any(len({*one["value"]}) > FLAT for one in result["lines"]):
                break
    except LossregError as error:
        result["problem"] = str(error)
    except Exception as error:  # noqa: BLE001  whatever a plugin raises, the rest of the page is made
        result["problem"] = f"{type(error).__name__}: {error}"
    return result


def classes_of(loss: Loss, parameters: dict[str, Any]) -> int:
    """The length of rows with a number for each class: that of a parameter with as many, or else 3."""
    rows = {p.name for p in loss.parameters if row_axis_of(p.annotation) is not None}
    lists = [len(value) for name, value in parameters.items() if name in rows and isinstance(value, list | tuple)]
    if max(lists, default=0) > MAX_CLASSES:
        raise InvalidInput(f"{max(lists):,} classes are too many to draw")
    return max(lists, default=CLASSES)


def fixed(loss: Loss, parameters: dict[str, Any], center: float) -> dict[str, Any]:
    """The values of the inputs; `center` is that of numbers of any size."""
    form = loss.forms[0]
    if form.by_batch:
        return {}
    found = {entry.name: usual(entry, form, classes_of(loss, parameters)) for entry in form.inputs}
    centered = {entry.name: center for entry in form.inputs[1:] if entry.axis is None and entry.domain is REAL}
    return found | (centered if center else {})


def lines(loss: Loss, parameters: dict[str, Any]) -> list[Variation]:
    """For each line its label, parameters and target; lines differ in the last input with several targets."""
    form = loss.forms[0]
    shared = {key: first_value(loss, key, value) for key, value in parameters.items()}
    varied = [entry for entry in form.inputs[1:] if entry.domain in TARGETS] if not form.by_batch else []
    if not varied:
        return [Variation("", shared)]
    entry, found = varied[-1], []
    targets = SCALES if entry.domain is NON_NEGATIVE and not entry.is_target else TARGETS[entry.domain]
    row = usual(entry, form, classes_of(loss, parameters)) if entry.axis is not None else None
    if row is not None and entry.domain is not PADDED_CLASS_INDEX:
        return [Variation("", shared)]
    for target in targets:
        value = target if row is None else [target, *row[1:]]
        found.append(Variation(f"{entry.name} {target:g}", shared, {entry.name: value}))
    return found


def as_json(curve: plotting.Curve) -> dict[str, Any]:
    """A curve as JSON values, with six digits, without the points at which it is not defined."""
    known = [each for each in zip(curve.x, curve.value, curve.slope, strict=True) if not any(map(isnan, each))]
    columns = zip(*known, strict=True) if known else [[], [], []]
    x, value, slope = ([plain(float(f"{number:.6g}")) for number in column] for column in columns)
    return {"label": curve.label, "x": x, "value": value, "slope": slope}


def first_value(loss: Loss, name: str, value: Any) -> Any:
    """The value of a parameter at one point; of an array with a number for each column, that of the first."""
    parameter = next((p for p in loss.parameters if p.name == name), None)
    if parameter is None or row_axis_of(parameter.annotation) is not None or parameter.domain is None:
        return value
    while isinstance(value, list | tuple):
        value = value[0]
    return value
