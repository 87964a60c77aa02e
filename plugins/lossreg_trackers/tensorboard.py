"""TensorBoard: write the metrics of a run to event files, for `tensorboard --logdir RUNS`.

The files go to `folder` in the directory of the run, so that a directory of runs is a log directory for TensorBoard. A
metric of the training, validation and test rows is drawn in one chart, as `loss/train` and `loss/test`. Needs
`pip install 'lossreg[tensorboard]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.plugin import InvalidParameter, hookimpl, tracker

if TYPE_CHECKING:
    from collections.abc import Mapping


class EventWriter:
    """Writes the event files of one run."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write the metrics after a step, and flush them, since TensorBoard may be open."""
        for name, value in metrics.items():
            split, _, metric = name.partition("_")
            self.writer.add_scalar(f"{metric}/{split}" if metric else name, value, step)
        self.writer.flush()

    def close(self, status: str) -> None:
        """Close the files."""
        self.writer.close()


@tracker
def tensorboard(path: str, config: dict[str, Any], *, folder: str = "tensorboard") -> EventWriter:
    from json import dumps
    from pathlib import Path

    from tensorboardX import SummaryWriter

    target = Path(path) / folder
    if not target.resolve().is_relative_to(Path(path).resolve()):
        raise InvalidParameter(f"folder: expected a folder in the directory of the run, got {folder!r}")
    writer = SummaryWriter(str(target))
    writer.add_text("config", f"```json\n{dumps(config, indent=2, default=str)}\n```")
    return EventWriter(writer)


@hookimpl
def lossreg_component() -> Any:
    return tensorboard
