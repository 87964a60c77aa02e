"""What a finished run returns."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lossreg.experiment.storage.records import SPLITS

if TYPE_CHECKING:
    from pathlib import Path

    from lossreg.experiment.prediction.trained_model import TrainedModel
    from lossreg.experiment.storage.records import Record


@dataclass(frozen=True)
class Result:
    """A finished run: its directory, the config with all defaults, the metrics of each epoch, and the final weights."""

    path: Path
    config: dict[str, Any] = field(repr=False)
    metrics: list[Record] = field(repr=False)
    weights: dict[str, Any] = field(repr=False)
    final: Record = field(repr=False)
    """The metrics of the epoch of the final weights: the last, or with `restore_best` the best."""

    @property
    def model(self) -> TrainedModel:
        """The trained model, which predicts from new rows."""
        from lossreg.experiment.prediction.trained_model import load

        return load(self.path)

    def _repr_html_(self) -> str:
        from lossreg.experiment.runner.notebook_html import run_html

        return run_html(self.path, self.final, self.metrics)

    def __repr__(self) -> str:
        numbers = (f"{key}={value:.4g}" for key, value in self.final.items() if key.startswith(SPLITS))
        return f"<result {', '.join(numbers)}; {self.path}>"
