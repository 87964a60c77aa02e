"""One trial: a run in a directory of its own, begun or gone on with, by whichever process gets there first."""

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
from lossreg.experiment.storage import checkpoint, directories
from lossreg.experiment.storage.environment import changes
from lossreg.experiment.storage.runs import Run

if TYPE_CHECKING:
    from lossreg.experiment.config.run_config import Config

DONE = ("finished", "diverged")
"""The statuses that are a result; a trial of any other is run."""
BUSY = "busy"


def work(path: str, name: str, content: dict[str, Any]) -> str:
    """Do what is left to do of a trial, and give its status; BUSY if another process is at it."""
    store = RunDirectory(Path(path))
    directories.ensure(store.path, "run")
    with ExitStack() as stack:
        try:
            stack.enter_context(store)
        except NotResumable:
            return BUSY
        status = status_of(store.path)
        if status in DONE:
            return status
        try:
            store.status("running")
            train(replace(load(content), name=name), store)
        except Diverged:
            return "diverged"
        except Exception as error:  # noqa: BLE001  whatever it is, the other trials go on
            if status_of(store.path) == "running":  # it came before the first step
                fail(store, f"{type(error).__name__}: {error}", traceback.format_exc())
            return "failed"
    return "finished"


def train(config: Config, store: RunDirectory) -> None:
    """Go on with a run, or begin it: there may be nothing of it yet, or only what other plugins made."""
    training = prepare_training(config, Progress())
    begun = (store.path / "environment.json").is_file()
    if begun and not changes(store.read("environment.json", "config", "plugins"), config):
        continue_run(training, store, Progress())
        return
    for step in checkpoint.steps_in(store.checkpoints):
        checkpoint.path_of(store.checkpoints, step).unlink()
    store.rewind({})
    start(training, store, Progress())


def fail(store: RunDirectory, error: str, details: str = "") -> None:
    """Write that a trial failed, as far as the disk takes it."""
    with suppress(OSError):
        store.status("failed", error=error)
        store.note(f"failed: {error}" + (details and f"\n{details.rstrip()}"))


def status_of(path: Path) -> str:
    """What a trial last said of itself; nothing if it has not begun."""
    return str(Run(path).state.get("status", ""))
