"""TensorBoard: write the metrics of a run to event files, for `tensorboard --logdir RUNS`.

The files go to `folder` in the directory of the run, so that a directory of runs is a log directory for TensorBoard. A
metric of the training, validation and test rows is drawn in one chart, as `loss/train` and `loss/test`. Needs
`pip install 'lossreg[tensorboard]'`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.plugin import InvalidParameter, hookimpl, tracker

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class EventWriter:
    """Writes the event files of one run.

    The writer is made at the first step. If the run is resumed, TensorBoard then hides what was written before the stop
    for this step and later ones.
    """

    def __init__(self, make_writer: Callable[[int], Any]) -> None:
        self.make_writer = make_writer
        self.writer: Any = None

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Write the metrics after a step, and flush them, since TensorBoard may be open."""
        if self.writer is None:
            self.writer = self.make_writer(step)
        for name, value in metrics.items():
            split, _, metric = name.partition("_")
            self.writer.add_scalar(f"{metric}/{split}" if metric else name, value, step)
        self.writer.flush()

    def close(self, status: str) -> None:
        """Close the files."""
        if self.writer is not None:
            self.writer.close()


@tracker
def tensorboard(path: str, config: dict[str, Any], *, folder: str = "tensorboard") -> EventWriter:
    from json import dumps
    from pathlib import Path

    from tensorboardX import SummaryWriter

    target = Path(path) / folder
    if not target.resolve().is_relative_to(Path(path).resolve()):
        raise InvalidParameter(f"folder: expected a folder in the directory of the run, got {folder!r}")

    def make_writer(step: int) -> SummaryWriter:
        if target.is_dir() and any(target.iterdir()):
            # The suffix keeps a file from replacing one that was begun in the same second.
            return SummaryWriter(str(target), purge_step=step, filename_suffix=f".{step}")
        writer = SummaryWriter(str(target))
        writer.add_text("config", f"```json\n{dumps(config, indent=2, default=str)}\n```")
        return writer

    return EventWriter(make_writer)


@hookimpl
def lossreg_component() -> Any:
    return tensorboard
