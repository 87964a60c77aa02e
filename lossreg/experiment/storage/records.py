"""Records: what a run says of its epochs, and its other values, as JSON has them.

A record has counters, and the metrics of each of SPLITS by its name: `epoch`, `step`, `train_loss`, `test_accuracy`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Record = dict[str, Any]

SPLITS = ("train", "validation", "test")
"""What the rows of a table are for; metrics are named after it."""

TIMES = ("seconds", "samples_per_second")
COUNTERS = ("epoch", "step", *TIMES)


def metrics_of(record: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a record that are neither counters nor times."""
    return {
        key: value
        for key, value in record.items()
        if key not in COUNTERS and isinstance(value, int | float) and not isinstance(value, bool)
    }


def measured_on(key: str) -> str:
    """The part that a metric was measured on, or an empty text."""
    part = key.partition("_")[0]
    return part if part in SPLITS else ""


def plain(value: Any) -> Any:
    """A value as JSON has it: nan and infinity, which it lacks, become text, of which `number` makes numbers again."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def number(value: Any) -> Any:
    """A value of JSON as it was."""
    return float(value) if value in ("nan", "inf", "-inf") else value


def flat(content: Any, prefix: str = "") -> dict[str, Any]:
    """A mapping of mappings with dotted keys; lists stay as they are."""
    if not isinstance(content, dict):
        return {prefix: content}
    return {
        name: value
        for key, inner in content.items()
        for name, value in flat(inner, f"{prefix}.{key}" if prefix else str(key)).items()
    }
