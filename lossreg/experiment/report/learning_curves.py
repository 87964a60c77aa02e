"""Learning curves: the metrics of runs by epoch, step and seconds of training, and the charts that show them."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any

from lossreg.experiment.report.readable_values import readable
from lossreg.experiment.storage import untrusted
from lossreg.experiment.storage.records import SPLITS, higher_is_better, measured_on, metrics_of, name_of_loss
from lossreg.experiment.storage.runs import metric_keys
from lossreg.experiment.storage.untrusted import Unreadable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.experiment.storage.runs import Run

MAX_SEGMENTS = 300
"""A longer curve is drawn with the lowest and highest point of so many segments, as many as a screen can show."""
FRACTIONS = re.compile(r"accuracy|auc|f1|jaccard|precision|recall|ndcg")
"""Matches the metrics from 0 to 1."""


def charts(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A chart for each metric, with the key of the curve of each split."""
    found: dict[str, dict[str, str]] = {}
    recorded = dict.fromkeys(key for run in runs for record in run.records for key in metrics_of(record))
    for key in sorted(recorded, key=lambda key: [*SPLITS, ""].index(measured_on(key))):
        split = measured_on(key)
        found.setdefault(key.removeprefix(f"{split}_"), {})[split] = key
    first = [key.removeprefix(f"{measured_on(key)}_") for key in metric_keys(runs)]
    ordered = sorted(found, key=lambda metric: first.index(metric) if metric in first else len(first))
    return [
        {"metric": metric, "keys": found[metric], "rises": higher_is_better(metric), "unit": unit(metric, runs)}
        for metric in ordered
    ]


def unit(metric: str, runs: Sequence[Run]) -> str:
    """What the numbers of a metric are; empty if that is not known."""
    if metric == "loss":
        names = {name_of_loss(run.config["loss"]) for run in runs if run.config.get("loss")}
        return f"value of {names.pop()}" if len(names) == 1 else "values of different losses"
    if metric in ("mae", "rmse"):
        targets = {name for run in runs for name in targets_of(run)}
        return f"in the unit of {targets.pop()}" if len(targets) == 1 else "in the units of the targets"
    if metric in ("r2", "explained_variance"):
        return "1 is perfect, 0 is the mean of the targets"
    return "0 to 1" if FRACTIONS.search(metric) else ""


def targets_of(run: Run) -> list[str]:
    """The names of the targets of a run, as far as they were recorded."""
    try:
        content = untrusted.read_json(run.path / "data.json")
    except (FileNotFoundError, Unreadable):
        return []
    names = content.get("targets") if isinstance(content, dict) else None
    return [str(name) for name in names] if isinstance(names, list) else []


def curves(run: Run, segments: int) -> dict[str, dict[str, list[Any]]]:
    """The values of each metric, with their epochs and steps, and the seconds of training until then."""
    found: dict[str, list[tuple[Any, Any, float]]] = {}
    for number, record in enumerate(run.records, 1):
        for key, value in metrics_of(record).items():
            found.setdefault(key, []).append((record.get("epoch", number), record.get("step", number), value))
    result = {}
    for key, points in found.items():
        epochs, steps, values = zip(*thinned(points, segments), strict=True)
        result[key] = {"epoch": list(epochs), "step": list(steps), "y": [readable(float(value)) for value in values]}
        if all(step in run.times for step in steps):
            result[key]["seconds"] = [readable(run.times[step]) for step in steps]
    return result


def thinned(points: list[tuple[Any, Any, float]], segments: int = MAX_SEGMENTS) -> list[tuple[Any, Any, float]]:
    """Keep at most the lowest and the highest point of each segment of a long curve, so that no spike is lost.

    Of the values in a segment that are not finite, the first is kept too.
    """
    size = -(-len(points) // segments)
    if size <= 2:  # noqa: PLR2004  the lowest and highest of two points are both
        return points
    kept: set[int] = {0, len(points) - 1}
    for start in range(0, len(points), size):
        segment = range(start, min(start + size, len(points)))
        finite = [index for index in segment if isfinite(points[index][2])]
        not_finite = [index for index in segment if not isfinite(points[index][2])]
        kept |= {*not_finite[:1]}
        kept |= {pick(finite, key=lambda index: points[index][2]) for pick in (min, max) if finite}
    return [points[index] for index in sorted(kept)]
