"""The runs as the page's data: settings, learning curves, losses, outcomes and environments, ready for JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lossreg.experiment.report.comparison import comparison, differing, incomparable, is_comparable
from lossreg.experiment.report.loss_curves import call, shape
from lossreg.experiment.report.prediction_summary import outcome
from lossreg.experiment.runner.predictions import FILE
from lossreg.experiment.storage.records import SPLITS, measured_on, metrics_of, plain
from lossreg.experiment.storage.runs import higher_is_better, metric_keys
from lossreg.experiment.storage.untrusted import Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.experiment.storage.runs import Run

POINTS = 300  # as many stretches of a curve as are told apart on a screen; each keeps its lowest and highest point
CONFIG = ("name", "config", "config_sha256", "plugins")  # of an environment: what each run has of its own
MAIN_PACKAGES = ("lossreg", "numpy", "numba", "scikit-learn", "safetensors")


def content(runs: Sequence[Run]) -> dict[str, Any]:
    """All that the page shows."""
    from lossreg._version import __version__

    keys, rows = comparison(runs)
    losses = list({call(run.config["loss"]): run.config["loss"] for run in runs if run.config.get("loss")}.values())
    calls = [call(loss) for loss in losses]
    return {
        "made": datetime.now(UTC).isoformat(timespec="minutes"),
        "version": __version__,
        "columns": [column(key, incomparable(runs)) for key in keys[1:]],
        "nouns": nouns(runs),
        "shared": shared(runs),
        "differing": differing(runs),
        "charts": charts(runs),
        "losses": [shape(loss) for loss in losses],
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
                "outcome": outcome_of(run),
            }
            for run, row in zip(runs, rows, strict=True)
        ],
        "environments": environments(runs),
    }


def outcome_of(run: Run) -> dict[str, Any] | None:
    """What a run predicted; None, and a problem of the run, where that cannot be used."""
    try:
        return outcome(run.path)
    except Unreadable as error:
        run.problems.append(f"{FILE}: {error}")
        return None


def readable(value: Any) -> Any:
    """A value as JSON has it: numbers to six digits, which is more than anybody reads, and lists as text."""
    if isinstance(value, float):
        return plain(float(f"{value:.6g}"))
    return value if isinstance(value, bool | int | str | None) else json.dumps(value)


def column(key: str, incomparable: Iterable[str]) -> dict[str, Any]:
    """A column of the table of runs; of a metric in which runs can be compared it says whether more is better."""
    return {
        "key": key,
        "rises": higher_is_better(key.removeprefix("best.")) if is_comparable(key, incomparable) else None,
    }


def nouns(runs: Sequence[Run]) -> dict[str, list[str]]:
    """The plugins that the runs choose, by kind."""
    kinds = ("model", "data", "loss", "optimizer")
    return {kind: sorted({str(run.values[kind]) for run in runs if kind in run.values}) for kind in kinds}


def shared(runs: Sequence[Run]) -> list[list[Any]]:
    """The settings that are the same in all runs."""
    different = set(differing(runs))
    config = next((run.settings for run in runs if run.settings), {})
    return [[key, readable(value)] for key, value in config.items() if key not in different]


def charts(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """A chart for each metric: the key of each split's curve."""
    found: dict[str, dict[str, str]] = {}
    recorded = dict.fromkeys(key for run in runs for record in run.records for key in metrics_of(record))
    for key in sorted(recorded, key=lambda key: [*SPLITS, ""].index(measured_on(key))):
        split = measured_on(key)
        found.setdefault(key.removeprefix(f"{split}_"), {})[split] = key
    first = [key.removeprefix(f"{measured_on(key)}_") for key in metric_keys(runs)]
    ordered = sorted(found, key=lambda metric: first.index(metric) if metric in first else len(first))
    return [{"metric": metric, "keys": found[metric], "rises": higher_is_better(metric)} for metric in ordered]


def curves(run: Run) -> dict[str, dict[str, list[Any]]]:
    """Each metric's values, with the epoch and the step of each."""
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
    """At most two points for each stretch of a long curve, its lowest and highest, so that no spike is lost."""
    size = -(-len(points) // POINTS)
    if size <= 2:  # noqa: PLR2004  two points of two are all of them
        return points
    kept: set[int] = {0, len(points) - 1}
    for start in range(0, len(points), size):
        stretch = range(start, min(start + size, len(points)))
        odd = [index for index in stretch if points[index][2] - points[index][2] != 0]  # nan and infinity
        kept |= {odd[0]} if odd else set()
        even = [index for index in stretch if index not in odd]
        kept |= {pick(even, key=lambda index: points[index][2]) for pick in (min, max) if even}
    return [points[index] for index in sorted(kept)]


def environments(runs: Sequence[Run]) -> list[dict[str, Any]]:
    """The environments of the runs, each once, with the numbers of its runs and all the plugins that they use."""
    found: dict[str, dict[str, Any]] = {}
    for index, run in enumerate(runs):
        common = {name: value for name, value in run.environment.items() if name not in CONFIG}
        key = json.dumps(common, sort_keys=True)
        environment = found.setdefault(key, {"runs": [], "plugins": [], **facts(common)})
        environment["runs"].append(index)
        used = [list(map(str, plugin(entry))) for entry in run.environment.get("plugins") or []]
        environment["plugins"] += [entry for entry in used if entry not in environment["plugins"]]
    return list(found.values())


def facts(environment: dict[str, Any]) -> dict[str, Any]:
    """An environment in rows: the main facts, and all packages; keys that nothing here knows come last."""
    known = {"python", "platform", "cpu", "cores", "git", "packages"}
    packages = environment.get("packages") or {}
    versions = [[name, packages[name]] for name in MAIN_PACKAGES if name in packages]
    main = [[key, environment[key]] for key in ("python", "platform", "cpu", "cores") if key in environment]
    rest = [[key, readable(value)] for key, value in environment.items() if key not in known]
    return {
        "facts": [*main, *commit(environment.get("git")), *versions, *rest],
        "packages": [[str(name), str(version)] for name, version in packages.items()],
    }


def commit(git: Any) -> Iterable[list[str]]:
    """The commit, and whether files differed from it."""
    if isinstance(git, dict):
        yield ["commit", f"{git.get('commit')}{' with changes' if git.get('dirty') else ''}"]


def plugin(entry: dict[str, Any]) -> tuple[Any, ...]:
    """A plugin's kind, name, origin and hash."""
    origin = f"{entry.get('distribution', '')} {entry.get('version', '')}".strip()
    return entry.get("kind", ""), entry.get("name", ""), origin, str(entry.get("sha256") or "")[:12]
