"""Training: from a config to a run that is logged, and its result.

The same config and seed draw the same numbers, whatever else happens: the split, the initial weights and the order of
each epoch have streams of their own, and an epoch's order depends on seed and epoch only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.criterion import Criterion
from lossreg.errors import BrokenPlugin, InvalidInput, InvalidParameter, InvalidType
from lossreg.experiment.config import Config, load
from lossreg.experiment.data import Part, Table, split, standardise
from lossreg.experiment.extras import extra
from lossreg.experiment.metrics import evaluate
from lossreg.experiment.optimizer import Updater
from lossreg.experiment.predictions import FILE, predict
from lossreg.experiment.report import Report
from lossreg.experiment.store import Store
from lossreg.experiment.task import Task, fit
from lossreg.experiment.trackers import Tracked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lossreg.experiment.model import Network

SPLIT, WEIGHTS, ORDER = range(3)

Record = dict[str, Any]


@dataclass(frozen=True)
class Result:
    """A finished run: its directory, the config with every default, the metrics of each epoch, and the weights."""

    path: Path
    config: dict[str, Any] = field(repr=False)
    metrics: list[Record] = field(repr=False)
    weights: dict[str, Any] = field(repr=False)

    @property
    def final(self) -> Record:
        """The metrics of the last epoch."""
        return self.metrics[-1]

    def __repr__(self) -> str:
        numbers = (f"{key}={value:.4g}" for key, value in self.final.items() if key.startswith(("train_", "test_")))
        return f"<result {', '.join(numbers)}; {self.path}>"


@dataclass(frozen=True)
class Session:
    """All that a run needs, made and matched: what is left to do is the work."""

    config: Config
    task: Task
    train: Part
    test: Part | None
    width: int
    network: Network
    criterion: Criterion
    classes: tuple[str, ...] = ()

    @property
    def steps_per_epoch(self) -> int:
        """The number of batches in one pass; the last may be smaller."""
        return -(-len(self.train.inputs) // self.config.train.batch_size)

    @property
    def steps(self) -> int:
        """The number of steps in all."""
        train = self.config.train
        return train.steps or (train.epochs or 0) * self.steps_per_epoch

    @property
    def epochs(self) -> int:
        """The number of epochs that the steps come to, a last part of one included."""
        return -(-self.steps // self.steps_per_epoch)


def run(
    source: str | Path | Mapping[str, Any] | Config,
    root: str | Path | None = None,
    report: Report | None = None,
) -> Result:
    """Train as a config says, in a new directory under `root`; `report` is told how it goes.

    Raises InvalidConfig, with every problem found, and MissingExtra before the directory is made.
    """
    config = source if isinstance(source, Config) else load(source)
    report = report or Report()
    report.preparing(config)
    with extra():
        import_module("safetensors")  # what the weights need at the end should be missed at the beginning
        session = prepare(config)
    store = Store.create(config.name, root)
    report = Tracked(report, store.path, config)
    try:
        store.begin(config)
        report.started(session)
        metrics = []
        for record in train(session):
            store.log(record)
            report.epoch(record)
            metrics.append(record)
        store.save(session.network.named)
        if session.test:
            store.write(FILE, predict(session.network, session.task, session.test, session.classes))
        store.status("finished")
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        store.status("interrupted" if interrupted else "failed", error=f"{type(error).__name__}: {error}")
        report.stopped(store.path)
        raise
    result = Result(store.path, config.resolved(), metrics, dict(session.network.named))
    report.finished(result)
    return result


def stream(seed: int, *key: int) -> np.random.Generator:
    """Random numbers for one purpose: their own for each seed and key."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def prepare(config: Config) -> Session:
    """Load the data, match it with loss and model, and try one batch. Raises InvalidConfig for what cannot work."""
    table = tabulate(config)
    task, targets, width = fit(config, table)
    try:
        kept, held = split(table, config.data.settings["test"], stream(config.seed, SPLIT))
    except InvalidInput as error:
        raise config.error((("data", "test"), str(error))) from error
    columns = [table.inputs[kept], table.inputs[held]]
    if config.data.settings["standardise"]:
        columns = standardise(*columns)
    parts = [
        Part(np.ascontiguousarray(inputs, np.float32), targets[rows])
        for inputs, rows in zip(columns, (kept, held), strict=True)
    ]
    features = table.inputs.shape[1]
    build, random = config.model.component.function, stream(config.seed, WEIGHTS)
    network = build(features, width, random, **config.model.parameters)
    try:
        criterion = Criterion(config.loss.component, config.reduction, config.loss.parameters)
        outputs = network.forward(parts[0].inputs[:2])
        if outputs.shape != (len(parts[0].inputs[:2]), width):
            raise BrokenPlugin(f"{config.model.name} gives {outputs.shape} for 2 rows, expected (2, {width})")
        criterion.value_and_grad(outputs, parts[0].targets[:2])
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error((("loss",), str(error))) from error
    test = parts[1] if len(held) else None
    return Session(config, task, parts[0], test, width, network, criterion, table.classes)


def tabulate(config: Config) -> Table:
    """Load the data; raises InvalidConfig for what cannot be read, and BrokenPlugin for what is no table."""
    try:
        table = config.data.component.function(**config.data.parameters)
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error((("data",), str(error))) from error
    if not isinstance(table, Table):
        raise BrokenPlugin(f"data {config.data.name!r} gives {type(table).__name__}, expected a Table")
    return table


class Batch(NamedTuple):
    """Room for the rows of one batch and for the gradient of the outputs."""

    inputs: Any
    targets: Any
    grad: Any


def batch_of(part: Part, rows: int, width: int) -> Batch:
    """Make the room for a batch of so many rows."""
    inputs, targets = (np.empty((rows, *array.shape[1:]), array.dtype) for array in part)
    return Batch(inputs, targets, np.empty((rows, width), np.float32))


def train(session: Session) -> Iterator[Record]:
    """Train, and give the record of each epoch: number of steps, metrics of both splits, and time.

    `seconds` is what the epoch's steps took, without the evaluation; all rows of both splits are evaluated alike,
    after the epoch.
    """
    config, network, criterion, part = session.config, session.network, session.criterion, session.train
    updater = Updater(config.optimizer.component, config.optimizer.parameters, network)
    mean = Criterion(config.loss.component, "mean", config.loss.parameters)
    count, size = len(part.inputs), config.train.batch_size
    batches = {rows: batch_of(part, rows, session.width) for rows in {min(size, count), count % size or size}}
    order, per_epoch, last = np.arange(count), session.steps_per_epoch, session.steps
    started, seen = perf_counter(), 0
    for step in range(1, last + 1):
        epoch, position = divmod(step - 1, per_epoch)
        if position == 0 and config.train.shuffle:
            order = stream(config.seed, ORDER, epoch).permutation(count)
        rows = order[position * size : (position + 1) * size]
        batch = batches[len(rows)]
        np.take(part.inputs, rows, axis=0, out=batch.inputs, mode="clip")  # the mode that needs no buffer of its own
        np.take(part.targets, rows, axis=0, out=batch.targets, mode="clip")
        criterion.value_and_grad(network.forward(batch.inputs), batch.targets, out=batch.grad)
        network.backward(batch.grad)
        updater.step()
        seen += len(rows)
        if position + 1 == per_epoch or step == last:
            seconds = perf_counter() - started
            record: Record = {"epoch": epoch + 1, "step": step}
            for name, rows_of in (("train", part), ("test", session.test)):
                if rows_of is not None:
                    measured = evaluate(network, mean, session.task, rows_of)
                    record |= {f"{name}_{key}": value for key, value in measured.items()}
            yield record | {"seconds": seconds, "samples_per_second": seen / seconds}
            started, seen = perf_counter(), 0
