"""Records, the metrics of one epoch, and the conversion of values to JSON and back.

A record has the counters `epoch` and `step`, and metrics named after the split of the rows that they are measured on,
such as `train_loss` and `test_accuracy`.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lossreg.errors import LossregError
from lossreg.registry.registries import metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Record = dict[str, Any]

SPLITS = ("train", "validation", "test")
"""The splits of the rows of a table; the names of metrics begin with one of them."""
JUDGING = ("validation", "test", "train")
"""The splits by which runs are judged: by the first that they have."""

RISING = re.compile(
    r"accuracy|auc|concordance|correlation|explained|f1|jaccard|kappa|matthews|ndcg|precision|r2|recall|score"
)
"""Matches the metrics for which higher is better; for all others, such as losses and errors, lower is."""

TIMES = ("seconds", "samples_per_second")
COUNTERS = ("epoch", "step", *TIMES)


def metrics_of(record: Mapping[str, Any]) -> dict[str, float]:
    """The metrics in a record: its numbers that are neither counters nor times."""
    return {
        key: value
        for key, value in record.items()
        if key not in COUNTERS and isinstance(value, int | float) and not isinstance(value, bool)
    }


def best_of(records: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The best value of each metric in some records; nan only if there is no other value."""
    best: dict[str, float] = {}
    for record in records:
        for key, value in metrics_of(record).items():
            old = best.get(key, float("nan"))
            if old != old or (value > old if higher_is_better(key) else value < old):  # noqa: PLR0124  only nan differs
                best[key] = value
    return best


@lru_cache(1000)
def higher_is_better(metric: str) -> bool:
    """Whether a higher value of a metric is better: as its plugin declares, or else as its name suggests."""
    with suppress(LossregError):
        return metrics.get(metric.removeprefix(f"{measured_on(metric)}_")).higher_is_better
    return bool(RISING.search(metric)) and not {"loss", "error"} & {*re.split("[_.]", metric)}


def measured_on(key: str) -> str:
    """The split that a metric was measured on; empty if its name does not begin with one."""
    part = key.partition("_")[0]
    return part if part in SPLITS else ""


def plain(value: Any) -> Any:
    """Convert a value for JSON: nan and infinity, which JSON lacks, become text; `number` converts them back."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def number(value: Any) -> Any:
    """Convert a value from JSON: the texts for nan and infinity become numbers."""
    return float(value) if value in ("nan", "inf", "-inf") else value


def terms_of(loss: Any) -> list[dict[str, Any]]:
    """The terms of the loss of a config, which is a sum if it is a list; a single loss is the only term."""
    return loss if isinstance(loss, list) else [loss]


def name_of_loss(loss: Any) -> str:
    """The name of the loss of a config: ``huber``, or of a sum ``0.5 dice + 1 cross_entropy``."""
    if not isinstance(loss, list):
        return str(loss["name"])
    return " + ".join(f"{term.get('factor', 1.0):g} {term['name']}" for term in loss)


def flat(content: Any, prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings into one with dotted keys; lists stay as they are."""
    if not isinstance(content, dict):
        return {prefix: content}
    return {
        name: value
        for key, inner in content.items()
        for name, value in flat(inner, f"{prefix}.{key}" if prefix else str(key)).items()
    }
