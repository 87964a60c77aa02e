"""TensorBoard: a run's metrics as event files, for `tensorboard --logdir RUNS`.

The files are in `folder` of the run's own directory, so that a directory of runs is a log directory. A metric's splits
share a chart: `loss/train` and `loss/test`. Needs `pip install 'lossreg[tensorboard]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.plugin import hookimpl, tracker

if TYPE_CHECKING:
    from collections.abc import Mapping


class Events:
    """The event files of one run."""

    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write the metrics after a step, at once: somebody may be watching."""
        for name, value in metrics.items():
            split, _, metric = name.partition("_")
            self.writer.add_scalar(f"{metric}/{split}" if metric else name, value, step)
        self.writer.flush()

    def close(self, status: str) -> None:
        """End the file."""
        self.writer.close()


@tracker
def tensorboard(path: str, config: dict[str, Any], *, folder: str = "tensorboard") -> Events:
    from json import dumps
    from pathlib import Path

    from tensorboardX import SummaryWriter

    writer = SummaryWriter(str(Path(path) / folder))
    writer.add_text("config", f"```json\n{dumps(config, indent=2, default=str)}\n```")
    return Events(writer)


@hookimpl
def lossreg_component() -> Any:
    return tensorboard
