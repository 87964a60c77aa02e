"""What a finished run returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossreg.experiment.storage.records import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from lossreg.experiment.storage.records import Record


@dataclass(frozen=True)
class Result:
    """A finished run: its directory, the config with every default, the metrics of each epoch, and the weights."""

    path: Path
    config: dict[str, Any] = field(repr=False)
    metrics: list[Record] = field(repr=False)
    weights: dict[str, Any] = field(repr=False)
    final: Record = field(repr=False)
    """The metrics of the epoch that the weights are from: the last, or the best if that was to be restored."""

    def __repr__(self) -> str:
        numbers = (f"{key}={value:.4g}" for key, value in self.final.items() if key.startswith(SPLITS))
        return f"<result {', '.join(numbers)}; {self.path}>"
