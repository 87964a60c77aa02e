"""A run: from a config, or from the directory of a run that was stopped, to a run that is logged, and its result."""

from __future__ import annotations

import traceback
from contextlib import suppress
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import Diverged, NotResumable
from lossreg.experiment.config.run_config import Config, load
from lossreg.experiment.extras import extra
from lossreg.experiment.runner import predictions
from lossreg.experiment.runner.progress import Progress
from lossreg.experiment.runner.result import Result
from lossreg.experiment.runner.run_directory import METRICS, RunDirectory
from lossreg.experiment.runner.trackers import TrackedProgress
from lossreg.experiment.storage import checkpoint
from lossreg.experiment.storage.environment import changes
from lossreg.experiment.training.interrupts import InterruptHandler
from lossreg.experiment.training.loop import TrainingLoop
from lossreg.experiment.training.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lossreg.experiment.storage.checkpoint import Checkpoint


def run(
    source: str | Path | Mapping[str, Any] | Config,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train as a config says, in a directory of its own under `root`; see `lossreg.run`."""
    progress = progress or Progress()
    config = source if isinstance(source, Config) else load(source)
    training = ready(config, progress)
    with RunDirectory.create(config.name, root) as store:
        return begin(training, store, progress)


def resume(path: str | Path, progress: Progress | None = None, *, force: bool = False) -> Result:
    """Go on with a run that was stopped; see `lossreg.resume`."""
    progress = progress or Progress()
    with RunDirectory.open(path) as store:
        before = store.read("environment.json", "config", "plugins")
        config = load(store.path / "config.yaml")
        changed = "; ".join(changes(before, config))
        if changed and not force:
            raise NotResumable(f"{path}: {changed}; --force resumes it all the same")
        if not changed and store.read("status.json", "status")["status"] == "finished":
            raise NotResumable(f"{path}: is finished; lossreg run {store.path / 'config.yaml'} runs it again")
        return go_on(ready(config, progress), store, progress, changed)


def begin(training: TrainingLoop, store: RunDirectory, progress: Progress) -> Result:
    """Train from the first step on, in a directory that is locked."""
    with InterruptHandler() as signals:
        return carry_out(training, store, progress, signals, "started", describe=True)


def go_on(training: TrainingLoop, store: RunDirectory, progress: Progress, changed: str = "") -> Result:
    """Train from the latest checkpoint on, or from the first step if there is none, in a directory that is locked."""
    with InterruptHandler() as signals:
        steps = checkpoint.steps_in(store.checkpoints)
        latest = checkpoint.read(store.checkpoints, steps[-1], size_limit(training)) if steps else None
        if latest:
            history = store.records(latest.sizes.get(METRICS, 0))
            training.restore(latest, history)
            if training.done and not history:
                raise NotResumable(f"{store.path / METRICS}: is damaged: it has no record until step {latest.step}")
        store.rewind(latest.sizes if latest else {})
        begun = f"resumed after step {training.step}" + (changed and f", although {changed}")
        return carry_out(training, store, progress, signals, begun, describe=bool(changed))


def ready(config: Config, progress: Progress) -> TrainingLoop:
    """Prepare a run."""
    progress.preparing(config)
    with extra():
        import_module("safetensors")  # what the first checkpoint needs should be missed at the beginning
        return TrainingLoop(prepare(config))


def carry_out(  # noqa: PLR0913  all that a run has
    training: TrainingLoop,
    store: RunDirectory,
    progress: Progress,
    signals: InterruptHandler,
    begun: str,
    *,
    describe: bool,
) -> Result:
    """Train to the end, or to whatever stops it, and keep everything that is to be kept."""
    prepared, network = training.prepared, training.prepared.network
    progress = TrackedProgress(progress, store.path, prepared.config)
    try:
        if describe:
            store.describe(prepared)
        store.note(begun)
        store.status("running", step=training.step)
        progress.started(prepared, training.step)
        # What overflows is found by the loss; a warning would say it again.
        with np.errstate(over="ignore", invalid="ignore"):
            while not training.done:
                training.advance(signals)
                if training.at_epoch_end:
                    record = training.evaluate()
                    store.log(record)
                    if training.best == len(training.history) - 1:
                        training.best_checkpoint = training.checkpoint(store.sizes())
                    progress.epoch(record)
                if training.checkpoint_due or signals.received:
                    keep(training, store)
                signals.check()
        last = final = training.history[-1]
        if prepared.config.train.restore_best:
            final = training.history[training.best]
            best = checkpoint.read(store.checkpoints, final["step"], size_limit(training))
            training.restore(best, training.history)
        store.save(network.named)
        predictions.save(prepared, store.path)
        store.status("finished", step=last["step"])
        store.note(f"finished after step {last['step']}, with the weights of step {final['step']}")
    except BaseException as error:
        status, told = status_of(error), f"{type(error).__name__}: {error}"
        with suppress(OSError):  # a full disk may take none of these
            store.status(status, step=training.step, error=told)
            store.note(f"{status} after step {training.step}: {told}")
            if status == "failed":
                store.note("".join(traceback.format_exception(error)).rstrip())
            if status != "interrupted":  # that has its checkpoint, or is in a hurry
                save(training.best_checkpoint, store)
        progress.stopped(store.path)
        raise
    result = Result(store.path, prepared.config.resolved(), training.history, dict(network.named), final)
    progress.finished(result)
    return result


def keep(training: TrainingLoop, store: RunDirectory) -> None:
    """Write a checkpoint, before it that of the best epoch, and delete others than these and the latest.

    A best epoch that was not written before a crash comes again: the run is resumed from before it.
    """
    save(training.best_checkpoint, store)
    save(training.checkpoint(store.sizes()), store)
    training.last_checkpoint_time = perf_counter()
    kept = {training.history[training.best]["step"]} if training.history else set()
    checkpoint.prune(store.checkpoints, training.prepared.config.train.keep_checkpoints, kept)


def size_limit(training: TrainingLoop) -> int:
    """More bytes than a checkpoint of a model has, for one that is read."""
    return 2 * sum(array.nbytes for array in training.arrays.values()) + 1_000_000


def save(state: Checkpoint | None, store: RunDirectory) -> None:
    """Write a checkpoint, if there is one that has not been written."""
    if state and not checkpoint.path_of(store.checkpoints, state.step).exists():
        store.sync()
        checkpoint.write(store.checkpoints, state)


def status_of(error: BaseException) -> str:
    """The status of a run that an error stopped."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return "diverged" if isinstance(error, Diverged) else "failed"
