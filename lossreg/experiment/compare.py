"""Compare runs: the config keys that differ, beside the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.experiment.records import flat
from lossreg.experiment.runs import metric_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lossreg.experiment.runs import Run

MISSING: Any = object()


def differing(runs: Sequence[Run]) -> list[str]:
    """The config keys, dotted, that are not the same in all runs whose config can be read."""
    configs = [flat(run.config) for run in runs if run.config]
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if any(config.get(key, MISSING) != configs[0].get(key, MISSING) for config in configs)]


def implied(runs: Sequence[Run], key: str) -> bool:
    """Whether a key differs only in that some runs have none: a parameter that comes with the choice of a plugin."""
    return len({repr(flat(run.config).get(key)) for run in runs if key in flat(run.config)}) == 1


def comparison(runs: Sequence[Run]) -> tuple[list[str], list[dict[str, Any]]]:
    """The keys of a table that compares runs, and its rows: what differs, then the metrics.

    Those of the last epoch come first, then the best of any, then what is implied by what differs.
    """
    statuses = {run.status for run in runs}
    facts = ["status"] * (statuses != {"finished"}) + ["steps"] * (len({run.steps for run in runs}) > 1)
    best = [key for key in metric_keys(runs) if any(run.best.get(key) != run.final.get(key) for run in runs)]
    keys = sorted(differing(runs), key=lambda key: implied(runs, key))
    telling = [key for key in keys if not implied(runs, key)]
    metrics = [*metric_keys(runs), *(f"best.{key}" for key in best)]
    keys = ["run", *facts, *telling, *metrics, *keys[len(telling) :]]
    return keys, [{**run.values, "run": run.name} for run in runs]
