"""Compare runs: the config keys that differ, beside the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.experiment.storage.records import measured_on
from lossreg.experiment.storage.runs import metric_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.experiment.storage.runs import Run

MISSING: Any = object()


def differing(runs: Sequence[Run]) -> list[str]:
    """The config keys, dotted, that are not the same in all runs whose config can be read."""
    configs = [run.settings for run in runs if run.settings]
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if any(config.get(key, MISSING) != configs[0].get(key, MISSING) for config in configs)]


def incomparable(runs: Sequence[Run]) -> list[str]:
    """How the metrics end in which runs cannot be compared: all on other data, and the value of another loss."""
    nouns = {key.partition(".")[0] for key in differing(runs)}
    return [""] if "data" in nouns else ["_loss"] if "loss" in nouns else []


def is_comparable(key: str, incomparable: Iterable[str]) -> bool:
    """Whether a key is a metric, and one in which runs can be compared."""
    metric = key.removeprefix("best.")
    return bool(measured_on(metric)) and not any(metric.endswith(ending) for ending in incomparable)


def unranked(runs: Sequence[Run], key: str) -> str:
    """Why runs cannot be ranked by a metric, and what they can be ranked by; empty where nothing is in the way."""
    ranked = [run for run in runs if key in run.values]
    endings = incomparable(ranked)
    if is_comparable(key, endings) or not is_comparable(key, ()):
        return ""
    noun = "data" if "" in endings else "loss"
    keys = [name for name in differing(ranked) if name.partition(".")[0] == noun]
    part = measured_on(key.removeprefix("best."))
    others = [name for name in metric_keys(ranked) if measured_on(name) == part and is_comparable(name, endings)]
    shared = [name for name in others if all(name in run.final for run in ranked)]
    can = f"{', '.join(shared)} can be" if shared else f"--where {keys[0]}=... chooses some that can be"
    return f"{key}: cannot be compared between runs that differ in {', '.join(keys)}; {can}"


def implied(runs: Sequence[Run], key: str) -> bool:
    """Whether a key differs only in that some runs have none: a parameter that comes with the choice of a plugin."""
    return len({repr(run.settings[key]) for run in runs if key in run.settings}) == 1


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
