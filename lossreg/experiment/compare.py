"""Compare runs: the config keys that differ, beside the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.experiment.runs import flat, metric_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.experiment.runs import Run

MISSING: Any = object()


def differing(runs: Sequence[Run]) -> list[str]:
    """The config keys, dotted, that are not the same in all runs whose config can be read."""
    configs = [flat(run.config) for run in runs if run.config]
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if any(config.get(key, MISSING) != configs[0].get(key, MISSING) for config in configs)]


def comparison(runs: Sequence[Run]) -> tuple[list[str], list[dict[str, Any]]]:
    """The keys of a table that compares runs, and its rows: what differs, then the final and the best metrics."""
    statuses = {run.status for run in runs}
    facts = ["status"] * (statuses != {"finished"}) + ["steps"] * (len({run.steps for run in runs}) > 1)
    best = [key for key in metric_keys(runs) if any(run.best.get(key) != run.final.get(key) for run in runs)]
    keys = ["run", *facts, *differing(runs), *metric_keys(runs), *(f"best.{key}" for key in best)]
    return keys, [{**run.values, "run": run.name} for run in runs]
