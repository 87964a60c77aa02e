"""Compare runs: the config keys in which they differ, and their metrics, as far as these can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.keys import REPLICATES
from lossreg.experiment.storage.query import differing
from lossreg.experiment.storage.records import measured_on
from lossreg.experiment.storage.runs import metric_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.experiment.storage.runs import Run


def incomparable(runs: Sequence[Run]) -> list[str]:
    """The suffixes of metrics that cannot be compared: every one on different data, and the value of another loss."""
    sections = {key.partition(".")[0] for key in differing(runs) if key not in REPLICATES}
    return [""] if "data" in sections else ["_loss"] if "loss" in sections else []


def is_comparable(key: str, incomparable: Iterable[str]) -> bool:
    """Whether a key is a metric that does not end in one of these suffixes."""
    metric = key.removeprefix("best.")
    return bool(measured_on(metric)) and not any(metric.endswith(suffix) for suffix in incomparable)


def unranked(runs: Sequence[Run], key: str) -> str:
    """Why runs cannot be ranked by a metric, and by which they can be; empty if they can be ranked."""
    ranked = [run for run in runs if key in run.values]
    suffixes = incomparable(ranked)
    if is_comparable(key, suffixes) or not is_comparable(key, ()):
        return ""
    section = "data" if "" in suffixes else "loss"
    keys = [name for name in differing(ranked) if name.partition(".")[0] == section]
    split = measured_on(key.removeprefix("best."))
    others = [name for name in metric_keys(ranked) if measured_on(name) == split and is_comparable(name, suffixes)]
    shared = [name for name in others if all(name in run.final for run in ranked)]
    remedy = f"{', '.join(shared)} can be compared" if shared else f"--where {keys[0]}=... selects comparable runs"
    return f"{key}: cannot be compared between runs that differ in {', '.join(keys)}; {remedy}"


def is_implied(runs: Sequence[Run], key: str) -> bool:
    """Whether a key has one value in all runs that have it, as the parameter of a plugin that only some runs use."""
    return len({repr(run.settings[key]) for run in runs if key in run.settings}) == 1


def comparison(runs: Sequence[Run]) -> tuple[list[str], list[dict[str, Any]]]:
    """The columns of a table that compares runs, and its rows.

    The columns are the name, the tags, status and steps if these differ, the metrics of the last epoch on the test
    rows, the config keys that differ, the other metrics, the best of any epoch where they are others, and the config
    keys that are implied by others.
    """
    differ = {key: {repr(run.values.get(key)) for run in runs} for key in ("tag", "status", "steps")}
    facts = [key for key, values in differ.items() if len(values) > 1 or (key == "status" and values != {"'finished'"})]
    best = [key for key in metric_keys(runs) if any(run.best.get(key) != run.final.get(key) for run in runs)]
    keys = differing(runs)
    implied = [key for key in keys if is_implied(runs, key)]
    chosen = [key for key in keys if key not in implied]
    metrics = metric_keys(runs)
    first = [key for key in metrics if measured_on(key) == measured_on(metrics[0])]
    others = [*(key for key in metrics if key not in first), *(f"best.{key}" for key in best)]
    columns = ["run", *facts, *first, *chosen, *others, *implied]
    return columns, [{**run.values, "run": run.name} for run in runs]
