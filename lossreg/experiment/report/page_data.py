"""The data of the page, as JSON values: settings, learning curves, losses, predictions and environments of runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lossreg.experiment.report.comparison import comparison, incomparable, is_comparable
from lossreg.experiment.report.learning_curves import MAX_SEGMENTS, charts, curves
from lossreg.experiment.report.loss_curves import call, loss_curves
from lossreg.experiment.report.prediction_summary import prediction_summary
from lossreg.experiment.report.readable_values import readable
from lossreg.experiment.report.run_groups import GroupComparison, RunGroup, compare_groups
from lossreg.experiment.runner.predictions import FILE
from lossreg.experiment.storage.query import differing
from lossreg.experiment.storage.records import higher_is_better, terms_of
from lossreg.experiment.storage.untrusted import Unreadable
from lossreg.formatting import as_yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.experiment.storage.runs import Run

FEW_SEGMENTS, MANY_RUNS = 60, 20
"""The segments of a curve on a page of more runs than this."""
MOST_CURVES, MOST_PREDICTIONS = 120, 30
"""The runs whose curves and whose predictions a page has."""
BEST_GROUPS = 8
"""The groups, of those with the best results, whose runs all have curves, as far as there is space."""
OF_EACH_RUN = ("name", "config", "config_sha256", "plugins")
"""The keys of environment.json that describe a single run rather than its environment."""
MAIN_PACKAGES = ("lossreg", "numpy", "numba", "scikit-learn", "safetensors")


def page_data(runs: Sequence[Run]) -> dict[str, Any]:
    """All that the page shows."""
    from lossreg._version import __version__

    keys, rows = comparison(runs)
    trained = [run.config["loss"] for run in runs if run.config.get("loss")]
    # The terms of a sum are drawn one by one.
    losses = list({call(loss): loss for each in trained for loss in (each, *terms_of(each))}.values())
    calls = [call(loss) for loss in losses]
    groups = compare_groups(runs) if len(runs) > 1 else None
    with_curves, with_predictions = chosen_runs(runs, groups, MOST_CURVES), chosen_runs(runs, groups, MOST_PREDICTIONS)
    segments = FEW_SEGMENTS if len(runs) > MANY_RUNS else MAX_SEGMENTS
    return {
        "made": datetime.now(UTC).isoformat(timespec="minutes"),
        "lossreg": __version__,
        "title": title(runs),
        "results": results(runs, groups),
        "columns": [*(column(key, incomparable(runs)) for key in keys[1:]), {"key": "seconds", "rises": None}],
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
                "reason": run.state.get("reason"),
                "origin": run.origin.get("run"),
                "problems": run.problems,
                "values": {key: readable(row.get(key)) for key in keys[1:]} | {"seconds": readable(duration(run))},
                "curves": curves(run, segments) if run in with_curves else {},
                "loss": calls.index(call(run.config["loss"])) if run.config.get("loss") else None,
                "predictions": summary_of(run) if run in with_predictions else None,
            }
            for run, row in zip(runs, rows, strict=True)
        ],
        "environments": environments(runs),
    }


def duration(run: Run) -> float | None:
    """The seconds of training of a run, as far as they were recorded."""
    return max(run.times.values(), default=None)


def title(runs: Sequence[Run]) -> str:
    """The title of the page: the name of the run, or of the directory that has all runs, with their number."""
    if len(runs) == 1:
        return runs[0].name
    folders = {run.path.resolve().parent for run in runs}
    return f"{folders.pop().name}: {len(runs):,} runs" if len(folders) == 1 else f"{len(runs):,} runs"


def results(runs: Sequence[Run], groups: GroupComparison | None) -> dict[str, Any] | None:
    """The ranked groups of runs, the best first; None if there is nothing to rank."""
    if groups is None:
        return None
    index = {run: number for number, run in enumerate(runs)}
    return {
        "metric": groups.metric,
        "rises": groups.rises,
        "keys": sorted(groups.keys, key=lambda key: not key.startswith("loss")),
        "over": groups.replicates,
        "groups": [
            {
                "values": {key: readable(value) for key, value in group.values.items()},
                "name": ", ".join(
                    f"{key.removesuffix('.name')} {as_yaml(group.values[key])}"
                    for key in groups.keys
                    if key in group.values
                ),
                "mean": readable(group.mean),
                "std": readable(group.deviation),
                "n": group.count,
                "p": readable(p),
                "pruned": pruned(group, groups.metric),
                "runs": [index[run] for run in group.runs],
            }
            for group, p in zip(groups.groups, groups.p_values, strict=True)
        ],
    }


def pruned(group: RunGroup, metric: str) -> str:
    """When the runs of a group were pruned, and with which mean of the metric; empty if none was."""
    if not group.pruned_after:
        return ""
    mean = group.mean_when_pruned(metric)
    return f"pruned after epoch {group.pruned_after}" + (f", at {mean:.4g}" if mean == mean else "")  # noqa: PLR0124  nan


def chosen_runs(runs: Sequence[Run], groups: GroupComparison | None, most: int) -> set[Run]:
    """At most so many runs: of many those of the best groups, and others at equal distances in rank."""
    if len(runs) <= most:
        return set(runs)
    ranked = [run for group in groups.groups for run in group.runs] if groups else list(runs)
    best = sum(len(group.runs) for group in groups.groups[:BEST_GROUPS]) if groups else 0
    first, others = ranked[: min(best, most // 2)], ranked[min(best, most // 2) :]
    step = len(others) / (most - len(first))
    return {*first, *(others[int(number * step)] for number in range(most - len(first)))}


def summary_of(run: Run) -> dict[str, Any] | None:
    """The summary of a run's predictions; a damaged file is added to the problems of the run."""
    try:
        return prediction_summary(run.path)
    except Unreadable as error:
        run.problems.append(f"{FILE}: {error}")
        return None


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
    return [[key, readable(value)] for key, value in config.items() if key not in different and value not in (None, [])]


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
