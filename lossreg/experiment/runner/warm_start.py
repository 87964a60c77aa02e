"""Begin a run from the weights of another: `lossreg resume RUN --set train.epochs=100`.

Where data, model, loss, optimizer and batches stay the same, the new run continues the other: it has its epochs, its
steps and the state of its optimizer, and with a schedule that does not depend on the number of steps it has the bytes
of a run that was that long from the beginning. Otherwise only the weights are taken, and steps are counted from 0,
since the optimizer's state belongs to the gradients of one loss on one data set.

    origin.json    in the directory of the new run: the other run, the step and the hash of the checkpoint that was
                   taken, whether its steps are continued, and what changed
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import NotResumable, listed
from lossreg.experiment.config.run_config import load
from lossreg.experiment.runner.execution import FORCED, continue_run, prepare_training
from lossreg.experiment.runner.notebook_progress import default_progress
from lossreg.experiment.runner.run_directory import METRICS, TIMINGS, RunDirectory
from lossreg.experiment.storage import checkpoint, files, labels
from lossreg.experiment.storage.checkpoint import LogState
from lossreg.experiment.storage.digests import json_file
from lossreg.experiment.storage.environment import changes as changes_since, config_changes
from lossreg.experiment.storage.marked_directories import is_own
from lossreg.experiment.storage.runs import ORIGIN, Run
from lossreg.experiment.training.loop import index_of_best
from lossreg.experiment.training.prepare import prepare
from lossreg.experiment.training.tables import Tables
from lossreg.formatting import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.runner.progress import Progress
    from lossreg.experiment.runner.result import Result
    from lossreg.experiment.storage.checkpoint import Checkpoint
    from lossreg.experiment.training.loop import TrainingLoop

CONTINUED = ("data", "model", "loss", "reduction", "seed")
BATCHES = ("batch_size", "accumulate", "shuffle")
"""The sections of a config, and the keys of `train`, that have to stay the same for steps to be continued."""
ENCODED = {"features": "features", "categories": "categories", "targets": "targets", "classes": "classes"}
"""The parts of an encoding that decide what inputs and outputs of a network mean, as messages name them."""


def resume_changed(  # noqa: PLR0913  these are the options of lossreg.resume
    path: str | Path,
    changes: Iterable[str],
    root: str | Path | None = None,
    progress: Progress | None = None,
    *,
    force: bool = False,
    data: Any = None,
) -> Result:
    """Train a changed config from the weights of a run, as a new run under `root`; see `lossreg.resume`.

    Raises NotResumable where the weights do not fit the changed config, and InvalidConfig for a mistake in it.
    """
    progress, old = progress or default_progress(), RunDirectory.open(path)
    if Run(old.path).status == "running":
        raise NotResumable(f"{path}: is running; stop it first, or wait until it has ended")
    before, tables = old.read("environment.json", "config", "plugins"), Tables(source=data)
    old.check("status.json", labels.FILE, ORIGIN)
    config, earlier = load(old.path / "config.yaml", changes), load(old.path / "config.yaml")
    edited = config_changes(before["config"], earlier)
    if edited and not force:
        raise NotResumable(f"{old.path / 'config.yaml'}: has changed since the run began: {listed(edited)}; {FORCED}")
    training = prepare_training(config, progress, tables)
    check_encoding(old, training, force=force)
    check_split(path, training, earlier, tables)
    continued = is_continued(config, earlier) and not has_other_data(old, training)
    latest = checkpoint_of(old, training, earlier, continued=continued)
    check_weights(path, training, earlier, latest, continued=continued)
    if continued:
        old.check_logs(latest.logs)
        training.restore(latest, old.records(latest.logs.get(METRICS, LogState()).size))
        if training.done:
            raise NotResumable(f"{path}: nothing is left to train after step {latest.step:,}; {how_to_go_on(training)}")
    with RunDirectory.create(config.name, root or parent_of(old.path)) as directory:
        directory.describe(training.prepared)
        labels.write(directory.path, labels.read(old.path))
        origin = {
            "run": Run(old.path).id,
            "path": str(old.path.resolve()),
            "step": latest.step,
            "sha256": hashlib.sha256(checkpoint.path_of(old.checkpoints, latest.step).read_bytes()).hexdigest(),
            "continued": continued,
            "changes": changes_since(before, config),
        }
        files.write(directory.path / ORIGIN, json_file(origin, indent=2))
        if continued:
            copy_history(old, directory, latest, training.history[training.best]["step"] if training.history else None)
        else:
            checkpoint.write(directory.checkpoints, first_checkpoint(training, latest))
        taken = "weights and state of the optimizer" if continued else "weights"
        event = f"begins from the {taken} of {path} after step {latest.step:,}"
        directory.note(event)
        progress.note(event)
        return continue_run(training, directory, progress)


def is_continued(config: Config, earlier: Config) -> bool:
    """Whether the steps of a changed config continue those of the earlier one."""
    new, old = config.resolved(), earlier.resolved()
    same = all(new[key] == old[key] for key in CONTINUED) and optimizer_of(new) == optimizer_of(old)
    return same and all(new["train"].get(key) == old["train"].get(key) for key in BATCHES)


def optimizer_of(resolved: Mapping[str, Any]) -> str | None:
    """The name of the optimizer in a config; None for a boosted model, which has none."""
    return resolved["optimizer"]["name"] if "optimizer" in resolved else None


def has_other_data(old: RunDirectory, training: TrainingLoop) -> bool:
    """Whether the data differ from those that a run was trained on."""
    return old.has_other_data(training.prepared.encoding.fingerprint)


def check_encoding(old: RunDirectory, training: TrainingLoop, *, force: bool) -> None:
    """Raise NotResumable for inputs or outputs that mean something else than those that the weights were trained on."""
    was, now = old.read("data.json"), training.prepared.encoding.to_json()
    for key, what in ENCODED.items():
        if was.get(key) != now[key]:
            raise NotResumable(f"{old.path}: its weights are for other {what}: {difference(was.get(key), now[key])}")
    if bool(was.get("scaling")) != bool(now["scaling"]):
        raise NotResumable(f"{old.path}: its weights are for features that were {scaled(was)}, and not {scaled(now)}")
    is_same_file = load(old.path / "config.yaml").data == training.prepared.config.data
    if not force and is_same_file and has_other_data(old, training):
        raise NotResumable(f"{old.path}: the data have changed since the run began; {FORCED}")


def difference(was: Any, now: Any) -> str:
    """Describe how names differ: those that are gone and those that are new, or else that their order does."""
    gone, new = ([*map(str, each)] for each in (was or (), now or ()))
    only = [
        ("without ", [name for name in gone if name not in new]),
        ("with ", [name for name in new if name not in gone]),
    ]
    found = " and ".join(word + listed(names) for word, names in only if names)
    return found or "they have another order or other values"


def scaled(encoding: Mapping[str, Any]) -> str:
    """Whether the features of an encoding are standardised, as messages say it."""
    return "standardised" if encoding.get("scaling") else "as in the file"


def check_split(path: str | Path, training: TrainingLoop, earlier: Config, tables: Tables) -> None:
    """Raise NotResumable for rows to test or validate on of which the weights have seen the targets.

    Rows are compared by their positions, which says nothing about other data.
    """
    config = training.prepared.config
    if (config.data, config.seed) == (earlier.data, earlier.seed):
        return
    old = prepare(earlier, tables)
    if old.encoding.fingerprint != training.prepared.encoding.fingerprint:
        return
    seen = old.train.inputs.index.ravel()
    for split, examples in training.prepared.splits.items():
        rows = np.unique(examples.inputs.index)
        count = int(np.isin(rows, seen).sum()) if split != "train" else 0
        if count:
            raise NotResumable(
                f"{path}: {count:,} of the {counted(len(rows), f'{split} row')} of the changed config were trained on "
                "by this run; keep the seed and the keys of data that split its rows, or give a file of new rows"
            )


def checkpoint_of(old: RunDirectory, training: TrainingLoop, earlier: Config, *, continued: bool) -> Checkpoint:
    """The checkpoint to begin from: the latest, or of a finished run the one of its final weights."""
    steps = checkpoint.steps_in(old.checkpoints)
    if not steps:
        raise NotResumable(f"{old.path}: has no checkpoint to begin from")
    chosen = steps[-1]
    if earlier.train.restore_best and not continued:
        chosen = best_step(old.records(), steps)
    # Optimizers and models may differ in size, and the largest state has three numbers for each weight.
    return checkpoint.read(old.checkpoints, chosen, 4 * training.training_step.size_limit)


def best_step(records: list[dict[str, Any]], steps: list[int]) -> int:
    """The step of the best epoch, if it has a checkpoint; otherwise the latest step that has one."""
    monitored = "validation_loss" if records and "validation_loss" in records[-1] else "train_loss"
    losses = [record.get(monitored, float("nan")) for record in records]
    best = records[index_of_best(losses)]["step"] if records else None
    return best if best in steps else steps[-1]


def check_weights(
    path: str | Path, training: TrainingLoop, earlier: Config, latest: Checkpoint, *, continued: bool
) -> None:
    """Raise NotResumable for weights that do not fit the model of the changed config."""
    model = training.prepared.config.model
    if model.name != earlier.model.name:
        raise NotResumable(f"{path}: its weights are those of {earlier.model.name}, and do not fit {model.name}")
    if model.component.boosted:
        if continued:
            return
        problem = "boosted trees are continued only with the same data, model and loss, such as by more epochs"
        raise NotResumable(f"{path}: {problem}")
    expected = {name: array.shape for name, array in training.prepared.network.named.items()}
    prefixes = ("optimizer.", "loss.")
    found = {name: array.shape for name, array in latest.arrays.items() if not name.startswith(prefixes)}
    for name in [*expected, *found]:
        if expected.get(name) != found.get(name):
            shapes = (f"{'no' if shape is None else shape}" for shape in (found.get(name), expected.get(name)))
            old, new = shapes
            raise NotResumable(
                f"{path}: its weights do not fit the changed config: {name} had the shape {old}, and needs {new}"
            )


def how_to_go_on(training: TrainingLoop) -> str:
    """What to change so that there is something left to train."""
    train = training.prepared.config.train
    key = "steps" if train.steps else "epochs"
    if training.step < training.prepared.steps:
        return f"early stopping has ended the run: give a larger train.patience than {train.patience}"
    return f"give a larger train.{key} than {train.steps or train.epochs}"


def parent_of(path: Path) -> Path:
    """The directory of the runs among which a run is; a trial belongs to its sweep, which is among them."""
    parent = path.resolve().parent
    return parent.parent if is_own(parent, "sweep") else parent


def copy_history(old: RunDirectory, directory: RunDirectory, latest: Checkpoint, best: int | None) -> None:
    """Copy the epochs until a checkpoint, the checkpoint, and that of the best of these epochs."""
    for name in (METRICS, TIMINGS):
        size = latest.logs.get(name, LogState()).size
        files.write(directory.path / name, (old.path / name).read_bytes()[:size] if size else b"")
    for step in [each for each in checkpoint.steps_in(old.checkpoints) if each in (latest.step, best)]:
        content = checkpoint.path_of(old.checkpoints, step).read_bytes()
        files.write(checkpoint.path_of(directory.checkpoints, step), content)


def first_checkpoint(training: TrainingLoop, latest: Checkpoint) -> Checkpoint:
    """The checkpoint before the first step of a run with the weights of another, and those learned inputs that fit."""
    arrays = {name: array.copy() for name, array in training.training_step.arrays.items()}
    for name, array in arrays.items():
        saved = latest.arrays.get(name)
        if saved is not None and saved.shape == array.shape and not name.startswith("optimizer."):
            array[...] = saved
    return training.checkpoint({})._replace(arrays=arrays)
