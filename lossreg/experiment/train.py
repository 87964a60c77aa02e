"""Training: from a config to a run that is logged, and its result.

The same config and seed draw the same numbers, whatever else happens: the split, the initial weights and the order of
each epoch have streams of their own, and an epoch's order depends on seed and epoch only.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib import import_module
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import BrokenPlugin, InvalidInput, InvalidParameter, InvalidType
from lossreg.experiment.config import Config, load
from lossreg.experiment.data import Table, split
from lossreg.experiment.evaluate import Measure
from lossreg.experiment.examples import Part, part_of, prepare_inputs
from lossreg.experiment.extras import extra
from lossreg.experiment.fit import Fit, fit, standardised
from lossreg.experiment.objective import Objective
from lossreg.experiment.optimizer import Updater
from lossreg.experiment.report import Report
from lossreg.experiment.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lossreg.experiment.document import KeyPath
    from lossreg.experiment.model import Network

SPLIT, WEIGHTS, ORDER, EXAMPLES = range(4)

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
    train: Part
    test: Part | None
    outputs: int
    network: Network
    objective: Objective
    measure: Measure
    encoding: dict[str, Any]

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
    try:
        store.begin(config)
        store.write("data.json", json.dumps(session.encoding, indent=2) + "\n")
        report.started(session)
        metrics = []
        for record in train(session):
            store.log(record)
            report.epoch(record)
            metrics.append(record)
        store.save(session.network.named)
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
    fitted = fit(config, table)
    try:
        kept, held = split(table, config.data.settings["test"], stream(config.seed, SPLIT))
    except InvalidInput as error:
        raise config.error((("data", "test"), str(error))) from error
    if config.data.settings["standardise_targets"]:
        fitted = standardised(fitted, kept, config)
    inputs, scaling, encoding = prepare_inputs(table, kept, standardise=config.data.settings["standardise"])
    if fitted.scaling:
        encoding["target_scaling"] = fitted.scaling.plain()
    try:
        parts = [
            part_of(fitted, inputs, rows, scaling, stream(config.seed, EXAMPLES, number))
            for number, rows in enumerate((kept, held))
        ]
    except InvalidInput as error:
        raise config.error((("data",), str(error))) from error
    network, outputs = build(config, fitted, parts[0], stream(config.seed, WEIGHTS))
    objective = Objective(config.loss.component, config.reduction, config.loss.parameters, fitted.demand)
    batch = parts[0].room(1, outputs)
    parts[0].take(np.arange(1), batch)
    try:
        objective.value_and_grad(network.forward(batch.inputs), batch.targets, out=batch.grad)
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error((("loss",), str(error))) from error
    measure = Measure.of(config, fitted)
    return Session(config, parts[0], parts[1] if len(held) else None, outputs, network, objective, measure, encoding)


def build(config: Config, fitted: Fit, part: Part, random: np.random.Generator) -> tuple[Network, int]:
    """Make the network, and find how many numbers it gives for a row, which have to be those that the loss takes."""
    model, component, features = config.model.name, config.model.component, part.inputs.shape[1]
    sizes = {"inputs": features, "outputs": fitted.outputs, "random": random}
    try:
        network = component.function(*(sizes[name] for name in component.supplied), **config.model.parameters)
    except InvalidParameter as error:
        raise config.error((("model",), str(error))) from error
    except MemoryError:
        raise config.error((("model",), "its weights do not fit into memory")) from None
    rows = part.inputs.take(slice(0, 1))
    shape = network.forward(rows).shape
    if fitted.outputs is None or shape == (len(rows), fitted.outputs):
        return network, shape[1]
    if "outputs" not in component.supplied:
        told = f"{model} gives {shape[1]} numbers for a row; {config.loss.name} takes {fitted.outputs} of it"
        raise config.error((("model",), told))
    raise BrokenPlugin(f"{model} gives {shape} for {len(rows)} rows, expected {(len(rows), fitted.outputs)}")


def placed(config: Config, problem: str) -> tuple[KeyPath, str]:
    """A problem of the data, with its place: the parameter that it begins with, or all of the data."""
    name, _, what = problem.partition(": ")
    return (("data", name), what) if name in config.data.parameters else (("data",), problem)


def tabulate(config: Config) -> Table:
    """Load the data; raises InvalidConfig for what cannot be read, and BrokenPlugin for what is no table."""
    try:
        table = config.data.component.function(**config.data.parameters)
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error(*(placed(config, line) for line in str(error).splitlines())) from error
    except MemoryError:
        raise config.error((("data",), "they do not fit into memory")) from None
    if not isinstance(table, Table):
        raise BrokenPlugin(f"data {config.data.name!r} gives {type(table).__name__}, expected a Table")
    return table


def train(session: Session) -> Iterator[Record]:
    """Train, and give the record of each epoch: number of steps, metrics of both splits, and time.

    `seconds` is what the epoch's steps took, without the evaluation; all rows of both splits are evaluated alike,
    after the epoch.
    """
    config, network, objective, part = session.config, session.network, session.objective, session.train
    updater = Updater(config.optimizer.component, config.optimizer.parameters, network)
    count, size = len(part.inputs), config.train.batch_size
    batches = {rows: part.room(rows, session.outputs) for rows in {min(size, count), count % size or size}}
    order, per_epoch, last = np.arange(count), session.steps_per_epoch, session.steps
    started, seen = perf_counter(), 0
    for step in range(1, last + 1):
        epoch, position = divmod(step - 1, per_epoch)
        if position == 0 and config.train.shuffle:
            order = stream(config.seed, ORDER, epoch).permutation(count)
        rows = order[position * size : (position + 1) * size]
        batch = batches[len(rows)]
        part.take(rows, batch)
        objective.value_and_grad(network.forward(batch.inputs), batch.targets, out=batch.grad)
        network.backward(batch.grad)
        updater.step()
        seen += len(rows)
        if position + 1 == per_epoch or step == last:
            seconds = perf_counter() - started
            record: Record = {"epoch": epoch + 1, "step": step}
            for name, rows_of in (("train", part), ("test", session.test)):
                if rows_of is not None:
                    measured = session.measure(network, rows_of)
                    record |= {f"{name}_{key}": value for key, value in measured.items()}
            yield record | {"seconds": seconds, "samples_per_second": seen / seconds}
            started, seen = perf_counter(), 0
