"""The data of the page, as JSON values: settings, learning curves, losses, predictions and environments of runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from math import isfinite
from typing import TYPE_CHECKING, Any

from lossreg.experiment.report.comparison import comparison, incomparable, is_comparable
from lossreg.experiment.report.loss_curves import call, loss_curves
from lossreg.experiment.report.prediction_summary import prediction_summary
from lossreg.experiment.runner.predictions import FILE
from lossreg.experiment.storage.query import differing
from lossreg.experiment.storage.records import SPLITS, measured_on, metrics_of, plain
from lossreg.experiment.storage.runs import higher_is_better, metric_keys
from lossreg.experiment.storage.untrusted import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.experiment.storage.runs import Run

MAX_SEGMENTS = 300
"""A longer curve is drawn with the lowest and highest point of so many segments, as many as a screen can show."""
OF_EACH_RUN = ("name", "config", "config_sha256", "plugins")
"""The keys of environment.json that describe a single run rather than its environment."""
MAIN_PACKAGES = ("lossreg", "numpy", "numba", "scikit-learn", "safetensors")


def page_data(runs: Sequence[Run]) -> dict[str, Any]:
    """All that the page shows."""
    from lossreg._version import __version__

    keys, rows = comparison(runs)
    losses = list({call(run.config["loss"]): run.config["loss"] for run in runs if run.config.get("loss")}.values())
    calls = [call(loss) for loss in losses]
    return {
        "made": datetime.now(UTC).isoformat(timespec="minutes"),
        "version": __version__,
        "columns": [column(key, incomparable(runs)) for key in keys[1:]],
        "plugins": plugins_by_kind(runs),
        "shared": shared_settings(runs),
        "differing": differing(runs),
        "charts": charts(runs),
        "losses": [loss_curves(loss) for loss in losses],
        "runs": [
            {
                "id": run.id,
                "name": run.name,
                "status": run.status,
                "error": run.state.get("error"),
                "problems": run.problems,
                "values": {key: readable(row.get(key)) for key in keys[1:]},
                "curves": curves(run),
                "loss": calls.index(call(run.config["loss"])) if run.config.get("loss") else None,
                "predictions": summary_of(run),
            }
            for run, row in zip(runs, rows, strict=True)
        ],
        "environments": environments(runs),
    }


def summary_of(run: Run) -> dict[str, Any] | None:
    """The summary of a run's predictions; a damaged file is added to the problems of the run."""
    try:
        return prediction_summary(run.path)
    except Unreadable as error:
        run.problems.append(f"{FILE}: {error}")
        return None


def readable(value: Any) -> Any:
    """A value as a JSON value to show: numbers with six digits, and lists as text."""
    if isinstance(value, float):
        return plain(float(f"{value:.6g}"))
    return value if isinstance(value, bool | int | str | None) else json.dumps(value)


def column(key: str, incomparable: Iterable[str]) -> dict[str, Any]:
    """A column of the table of runs; for a metric that can be compared, `rises` says whether higher is better."""
    return {
        "key": key,
        "rises": higher_is_better(key.removeprefix("best.")) if is_comparable(key, incomparable) else None,
    }


def plugins_by_kind(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The names of the plugins that the runs use, by kind."""
    kinds = ("model", "data", "loss", "optimizer")
    return {kind: sorted({str(run.values[kind]) for run in runs if kind in run.values}) for kind in kinds}


def shared_settings(runs: Sequence[Run]) -> list[list[Any]]:
    """The config keys that have the same value in all runs, with this value."""
    different = set(differing(runs))
    config = next((run.settings for run in runs if run.settings), {})
    return [[key, readable(value)] for key, value in config.items() if key not in different]


def charts(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A chart for each metric, with the key of the curve of each split."""
    found: dict[str, dict[str, str]] = {}
    recorded = dict.fromkeys(key for run in runs for record in run.records for key in metrics_of(record))
    for key in sorted(recorded, key=lambda key: [*SPLITS, ""].index(measured_on(key))):
        split = measured_on(key)
        found.setdefault(key.removeprefix(f"{split}_"), {})[split] = key
    first = [key.removeprefix(f"{measured_on(key)}_") for key in metric_keys(runs)]
    ordered = sorted(found, key=lambda metric: first.index(metric) if metric in first else len(first))
    return [{"metric": metric, "keys": found[metric], "rises": higher_is_better(metric)} for metric in ordered]


def curves(run: Run) -> dict[str, dict[str, list[Any]]]:
    """The values of each metric, with their epochs and steps."""
    found: dict[str, list[tuple[Any, Any, float]]] = {}
    for number, record in enumerate(run.records, 1):
        for key, value in metrics_of(record).items():
            found.setdefault(key, []).append((record.get("epoch", number), record.get("step", number), value))
    result = {}
    for key, points in found.items():
        epochs, steps, values = zip(*thinned(points), strict=True)
        result[key] = {"epoch": list(epochs), "step": list(steps), "y": [readable(float(value)) for value in values]}
    return result


def thinned(points: list[tuple[Any, Any, float]]) -> list[tuple[Any, Any, float]]:
    """Keep at most the lowest and the highest point of each segment of a long curve, so that no spike is lost.

    Of the values in a segment that are not finite, the first is kept too.
    """
    size = -(-len(points) // MAX_SEGMENTS)
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


def environments(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The distinct environments of the runs, each with the indices of its runs and the plugins that these use."""
    found: dict[str, dict[str, Any]] = {}
    for index, run in enumerate(runs):
        common = {name: value for name, value in run.environment.items() if name not in OF_EACH_RUN}
        key = json.dumps(common, sort_keys=True)
        environment = found.setdefault(key, {"runs": [], "plugins": [], **facts(common)})
        environment["runs"].append(index)
        used = [list(map(str, plugin(entry))) for entry in run.environment.get("plugins") or []]
        environment["plugins"] += [entry for entry in used if entry not in environment["plugins"]]
    return list(found.values())


def facts(environment: dict[str, Any]) -> dict[str, Any]:
    """The main facts of an environment, with unknown keys at the end, and all packages."""
    machine = ("python", "platform", "cpu", "cores")
    known = {*machine, "git", "blas", "packages"}
    packages = environment.get("packages") or {}
    versions = [[name, packages[name]] for name in MAIN_PACKAGES if name in packages]
    main = [[key, environment[key]] for key in machine if key in environment]
    if isinstance(environment.get("blas"), list):
        main.append(["blas", ", ".join(map(str, environment["blas"]))])
    rest = [[key, readable(value)] for key, value in environment.items() if key not in known]
    return {
        "facts": [*main, *commit(environment.get("git")), *versions, *rest],
        "packages": [[str(name), str(version)] for name, version in packages.items()],
    }


def commit(git: Any) -> Iterable[list[str]]:
    """The commit, and whether the files of the repository had changes."""
    if isinstance(git, dict):
        yield ["commit", f"{git.get('commit')}{' with changes' if git.get('dirty') else ''}"]


def plugin(entry: dict[str, Any]) -> tuple[Any, ...]:
    """The kind, name, origin and hash of a plugin."""
    origin = f"{entry.get('distribution', '')} {entry.get('version', '')}".strip()
    return entry.get("kind", ""), entry.get("name", ""), origin, str(entry.get("sha256") or "")[:12]
