"""Run one trial in its directory: start it, or continue it, unless another process is working on it."""

from __future__ import annotations

import traceback
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.errors import Diverged, NotResumable
from lossreg.experiment.config.run_config import load
from lossreg.experiment.runner.execution import continue_run, prepare_training, start
from lossreg.experiment.runner.progress import Progress
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage import checkpoint, marked_directories
from lossreg.experiment.storage.environment import changes
from lossreg.experiment.storage.records import plain
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.training.interrupts import Paused
from lossreg.experiment.training.tables import Tables

if TYPE_CHECKING:
    from lossreg.experiment.config.run_config import Config

PAUSED, PRUNED = "paused", "pruned"
"""The statuses of a trial that waits to be judged, and of one that was stopped because its results were bad."""
DONE = ("finished", "diverged", PRUNED)
"""The statuses of trials that are not run again."""
BUSY = "busy"
"""The result for a trial that another process is working on."""


def run_trial(path: str, name: str, content: dict[str, Any], tables: str, until: int | None = None) -> str:
    """Run what remains of a trial, and return its status, or BUSY if another process is working on it.

    `tables` is the directory in which the sweep has written its data. With `until`, the trial pauses after that epoch.
    """
    directory = RunDirectory(Path(path))
    marked_directories.ensure(directory.path, "run")
    with ExitStack() as stack:
        try:
            stack.enter_context(directory)
        except NotResumable:
            return BUSY
        status = status_of(directory.path)
        if status in DONE:
            return status
        try:
            directory.status("running")
            start_or_continue(replace(load(content), name=name), directory, Tables(Path(tables)), until)
        except Paused:
            return PAUSED
        except Diverged:
            return "diverged"
        except Exception as error:  # noqa: BLE001  the other trials are run whatever happens to this one
            if status_of(directory.path) == "running":  # it failed before the first step
                record_failure(directory, f"{type(error).__name__}: {error}", traceback.format_exc())
            return "failed"
    return "finished"


def start_or_continue(config: Config, directory: RunDirectory, tables: Tables, until: int | None) -> None:
    """Continue the run in a directory, or start it if there is none, or one of another version of a plugin."""
    training = prepare_training(config, Progress(), tables)
    training.pause_after = until
    started = (directory.path / "environment.json").is_file()
    if started and not changes(directory.read("environment.json", "config", "plugins"), config):
        continue_run(training, directory, Progress())
        return
    for step in checkpoint.steps_in(directory.checkpoints):
        checkpoint.path_of(directory.checkpoints, step).unlink()
    directory.rewind({})
    start(training, directory, Progress())


def record_failure(directory: RunDirectory, error: str, details: str = "") -> None:
    """Write that a trial failed, if the disk allows."""
    with suppress(OSError):
        directory.status("failed", error=error)
        directory.note(f"failed: {error}" + (details and f"\n{details.rstrip()}"))


def record_pruned(path: Path, metric: str, value: float, epoch: int, reason: str) -> None:
    """Write that a trial was stopped after an epoch because of its metric, unless it has ended, if the disk allows."""
    with suppress(NotResumable, OSError), RunDirectory(path) as directory:
        if status_of(path) not in DONE:
            text = f"{metric} {value:.6g} after epoch {epoch} is {reason}"
            details = {"step": Run(path).steps or 0, "metric": metric, "value": plain(value), "reason": text}
            directory.status(PRUNED, **details)
            directory.note(f"pruned after step {details['step']}: {text}")


def status_of(path: Path) -> str:
    """The last status of a trial, as its directory records it; empty if it has not been started.

    Raises FileExistsError for a link, which may lead to what is not of this sweep.
    """
    if path.is_symlink():
        raise FileExistsError(f"{path}: is a link, and not a directory that lossreg made")
    return str(Run(path).state.get("status", ""))
