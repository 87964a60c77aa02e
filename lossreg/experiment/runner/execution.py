"""Execute a run: train from the first step or from a checkpoint, write its directory, and return the result."""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import Diverged, NotResumable
from lossreg.experiment.blas import blas_threads
from lossreg.experiment.config.run_config import Config, load
from lossreg.experiment.runner import predictions
from lossreg.experiment.runner.notebook_progress import default_progress
from lossreg.experiment.runner.result import Result
from lossreg.experiment.runner.run_directory import METRICS, RunDirectory
from lossreg.experiment.runner.trackers import TrackedProgress
from lossreg.experiment.storage import checkpoint, labels
from lossreg.experiment.storage.checkpoint import LogState
from lossreg.experiment.storage.environment import changes
from lossreg.experiment.storage.runs import ORIGIN, Run
from lossreg.experiment.training.evaluation import undefined_metrics
from lossreg.experiment.training.interrupts import InterruptHandler, Paused
from lossreg.experiment.training.loop import TrainingLoop
from lossreg.experiment.training.prepare import prepare
from lossreg.experiment.training.tables import Tables
from lossreg.extras import optional_imports
from lossreg.formatting import command_line

FORCED = "--force resumes the run nevertheless"

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lossreg.experiment.runner.progress import Progress
    from lossreg.experiment.storage.checkpoint import Checkpoint
    from lossreg.experiment.storage.records import Record


def run(  # noqa: PLR0913  these are the options of the command
    source: str | Path | Mapping[str, Any] | Config,
    root: str | Path | None = None,
    progress: Progress | None = None,
    *,
    name: str | None = None,
    tags: Iterable[str] = (),
    note: str = "",
    data: Any = None,
) -> Result:
    """Train as a config says, in a new directory under `root`; see `lossreg.run`."""
    progress, given = progress or default_progress(), labels.labels(tags, note)
    config = source if isinstance(source, Config) else load(source)
    config = replace(config, name=name or config.name)
    training = prepare_training(config, progress, Tables(source=data))
    with RunDirectory.create(config.name, root) as directory:
        labels.write(directory.path, given)
        return start(training, directory, progress)


def resume(path: str | Path, progress: Progress | None = None, *, force: bool = False, data: Any = None) -> Result:
    """Continue a run that was stopped; see `lossreg.resume`."""
    progress = progress or default_progress()
    with RunDirectory.open(path) as directory:
        before = directory.read("environment.json", "config", "plugins")
        directory.check(ORIGIN, labels.FILE)
        config = load(directory.path / "config.yaml")
        changed = "; ".join(changes(before, config))
        if changed and not force:
            raise NotResumable(f"{path}: {changed}; {FORCED}")
        if not changed and directory.read("status.json", "status")["status"] == "finished":
            raise NotResumable(
                f"{path}: the run is finished; {command_line('run', directory.path / 'config.yaml')} repeats it"
            )
        training = prepare_training(config, progress, Tables(source=data))
        if directory.has_other_data(training.prepared.encoding.fingerprint):
            if not force:
                raise NotResumable(f"{path}: the data have changed since the run began; {FORCED}")
            changed = "; ".join([*filter(None, [changed]), "the data have changed"])
        return continue_run(training, directory, progress, changed)


def start(training: TrainingLoop, directory: RunDirectory, progress: Progress) -> Result:
    """Train from the first step, in a directory that is locked."""
    with InterruptHandler() as interrupts:
        return execute(training, directory, progress, interrupts, "started", describe=True)


def continue_run(training: TrainingLoop, directory: RunDirectory, progress: Progress, changed: str = "") -> Result:
    """Train from the latest checkpoint, or from the first step if there is none, in a directory that is locked."""
    with InterruptHandler() as interrupts:
        steps = checkpoint.steps_in(directory.checkpoints)
        latest = checkpoint.read(directory.checkpoints, steps[-1], training.training_step.size_limit) if steps else None
        if latest:
            history = directory.records(latest.logs.get(METRICS, LogState()).size)
            directory.check_logs(latest.logs)
            training.restore(latest, history)
            if training.done and not history:
                raise NotResumable(f"{directory.path / METRICS}: is damaged: it has no record until step {latest.step}")
        reached = Run(directory.path).steps or 0
        directory.rewind(latest.logs if latest else {})
        if latest is None or latest.step:
            progress.resumed(training.step, reached)
        event = f"resumed after step {training.step}" + (changed and f", although {changed}")
        return execute(training, directory, progress, interrupts, event, describe=bool(changed))


def prepare_training(config: Config, progress: Progress, tables: Tables | None = None) -> TrainingLoop:
    """Prepare a run, and import what its first checkpoint needs, so that a missing package is found now."""
    progress.preparing(config)
    with optional_imports():
        import_module("safetensors")
        return TrainingLoop(prepare(config, tables))


def execute(  # noqa: PLR0913  a run consists of these
    training: TrainingLoop,
    directory: RunDirectory,
    progress: Progress,
    interrupts: InterruptHandler,
    event: str,
    *,
    describe: bool,
) -> Result:
    """Train to the end, or until something stops the run, and write its directory; `event` is noted in the log."""
    prepared = training.prepared
    progress = TrackedProgress(progress, directory.path, prepared.config)
    try:
        if describe:
            directory.describe(prepared)
        directory.note(event)
        directory.status("running", step=training.step)
        progress.started(prepared, training.step)
        with blas_threads(prepared.config.train.threads):
            train(training, directory, progress, interrupts)
            final = save_results(training, directory)
    except BaseException as error:
        record_stop(error, training, directory)
        progress.stopped(directory.path)
        raise
    result = Result(directory.path, prepared.config.resolved(), training.history, final_weights(training), final)
    progress.finished(result)
    return result


def train(training: TrainingLoop, directory: RunDirectory, progress: Progress, interrupts: InterruptHandler) -> None:
    """Train to the end; raises KeyboardInterrupt or Paused after the checkpoint that these ask for."""
    # A loss that overflows is detected by its value; numpy would warn in addition.
    with np.errstate(over="ignore", invalid="ignore"):
        while not training.done:
            if training.pause_due:
                raise Paused(f"after epoch {training.epoch}")
            training.advance(interrupts)
            if training.at_epoch_end:
                record = training.evaluate()
                directory.log(record)
                if training.best == len(training.history) - 1:
                    training.best_checkpoint = training.checkpoint(directory.logs())
                progress.epoch(record)
                if len(training.history) == 1:
                    report_undefined_metrics(training, directory, progress)
            if training.checkpoint_due or interrupts.received:
                write_checkpoints(training, directory)
            interrupts.check()


def report_undefined_metrics(training: TrainingLoop, directory: RunDirectory, progress: Progress) -> None:
    """Note the metrics that the first epoch does not define."""
    prepared = training.prepared
    for note in undefined_metrics(training.history[0], prepared.splits, prepared.evaluator.metrics):
        directory.note(note)
        progress.note(note)


def save_results(training: TrainingLoop, directory: RunDirectory) -> Record:
    """Write the final weights and predictions, and return the record of the epoch that they are from."""
    last = final = training.history[-1]
    if training.prepared.config.train.restore_best:
        final = training.history[training.best]
        best = checkpoint.read(directory.checkpoints, final["step"], training.training_step.size_limit)
        training.restore(best, training.history)
    directory.save(final_weights(training))
    predictions.save(training.prepared, directory.path)
    directory.status("finished", step=last["step"])
    directory.note(f"finished after step {last['step']}, with the weights of step {final['step']}")
    return final


def final_weights(training: TrainingLoop) -> dict[str, Any]:
    """The weights of the network, and the learned inputs of the loss, by name."""
    learned = training.prepared.objective.first.learned
    return {**training.prepared.network.named, **(learned.final() if learned else {})}


def write_checkpoints(training: TrainingLoop, directory: RunDirectory) -> None:
    """Write a checkpoint, before it that of the best epoch, and delete all but these and the latest few.

    If the process is killed before the best epoch's is written, nothing is lost: the run resumes from before that
    epoch.
    """
    write_checkpoint(training.best_checkpoint, directory)
    write_checkpoint(training.checkpoint(directory.logs()), directory)
    training.checkpoint_written()
    kept = {training.history[training.best]["step"]} if training.history else set()
    checkpoint.prune(directory.checkpoints, training.prepared.config.train.keep_checkpoints, kept)


def write_checkpoint(state: Checkpoint | None, directory: RunDirectory) -> None:
    """Write a checkpoint, if there is one and its file does not exist yet."""
    if state and not checkpoint.path_of(directory.checkpoints, state.step).exists():
        directory.sync()
        checkpoint.write(directory.checkpoints, state)


def record_stop(error: BaseException, training: TrainingLoop, directory: RunDirectory) -> None:
    """Write why a run stopped, and the checkpoint of its best epoch, as far as the disk allows."""
    status, message = status_of(error), f"{type(error).__name__}: {error}"
    with suppress(OSError):  # the disk may be full
        directory.status(status, step=training.step, error=message)
        directory.note(f"{status} after step {training.step}: {message}")
        if status == "failed":
            directory.note("".join(traceback.format_exception(error)).rstrip())
        if status not in ("interrupted", "paused"):  # these have written a checkpoint, or have to stop at once
            write_checkpoint(training.best_checkpoint, directory)


def status_of(error: BaseException) -> str:
    """The status of a run that an error stopped."""
    if isinstance(error, KeyboardInterrupt | Paused):
        return "paused" if isinstance(error, Paused) else "interrupted"
    return "diverged" if isinstance(error, Diverged) else "failed"
