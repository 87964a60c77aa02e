"""The session: all that a run needs, loaded, made and matched, before the first step.

The same config and seed draw the same numbers, whatever else happens: the split, the initial weights and the order of
each epoch have streams of their own, and an epoch's order depends on seed and epoch only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lossreg.criterion import Criterion
from lossreg.errors import BrokenPlugin, InvalidInput, InvalidParameter, InvalidType
from lossreg.experiment.data import Part, Table, split, standardise
from lossreg.experiment.task import Task, fit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.config import Config
    from lossreg.experiment.model import Network

SPLIT, WEIGHTS, ORDER = range(3)
PARTS = ("train", "validation", "test")
"""What the rows are for; metrics are named after it."""


@dataclass(frozen=True)
class Session:
    """All that a run needs, made and matched: what is left to do is the work."""

    config: Config
    task: Task
    parts: dict[str, Part]
    """The rows for each of PARTS, without those that have none."""
    rows: NDArray[np.intp]
    """Where the table has the rows to train on."""
    width: int
    network: Network
    criterion: Criterion

    @property
    def train(self) -> Part:
        """The rows to train on."""
        return self.parts["train"]

    @property
    def rows_per_step(self) -> int:
        """The rows of one step; an epoch's last step may have fewer."""
        return self.config.train.batch_size * self.config.train.accumulate

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in one pass over the rows."""
        return -(-len(self.train.inputs) // self.rows_per_step)

    @property
    def steps(self) -> int:
        """The number of steps in all."""
        train = self.config.train
        return train.steps or (train.epochs or 0) * self.steps_per_epoch

    @property
    def epochs(self) -> int:
        """The number of epochs that the steps come to, a last part of one included."""
        return -(-self.steps // self.steps_per_epoch)

    @property
    def watched(self) -> str:
        """The metric that early stopping, the best epoch and schedules go by; lower is better."""
        return "validation_loss" if "validation" in self.parts else "train_loss"

    def order(self, epoch: int) -> NDArray[np.intp]:
        """The order of the rows in an epoch (from 1)."""
        count = len(self.train.inputs)
        if not self.config.train.shuffle:
            return np.arange(count)
        return stream(self.config.seed, ORDER, epoch - 1).permutation(count)


def stream(seed: int, *key: int) -> np.random.Generator:
    """Random numbers for one purpose: their own for each seed and key."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def prepare(config: Config) -> Session:
    """Load the data, match it with loss and model, and try one batch. Raises InvalidConfig for what cannot work."""
    table = tabulate(config)
    task, targets, width = fit(config, table)
    check_rate(config)
    shares = {name: config.data.settings[name] for name in ("test", "validation")}
    try:
        rows = dict(zip(("train", *shares), split(table, shares, stream(config.seed, SPLIT)), strict=True))
    except InvalidInput as error:
        name, _, what = str(error).partition(": ")
        raise config.error((("data", name), what)) from error
    present = [name for name in PARTS if len(rows[name])]
    columns = [table.inputs[rows[name]] for name in present]
    if config.data.settings["standardise"]:
        columns = standardise(*columns)
    parts = {
        name: Part(np.ascontiguousarray(inputs, np.float32), targets[rows[name]])
        for name, inputs in zip(present, columns, strict=True)
    }
    features = table.inputs.shape[1]
    build, random = config.model.component.function, stream(config.seed, WEIGHTS)
    network = build(features, width, random, **config.model.parameters)
    few = Part(*(array[:2] for array in parts["train"]))
    try:
        criterion = Criterion(config.loss.component, config.reduction, config.loss.parameters)
        outputs = network.forward(few.inputs)
        if outputs.shape != (len(few.inputs), width):
            raise BrokenPlugin(f"{config.model.name} gives {outputs.shape} for 2 rows, expected (2, {width})")
        criterion.value_and_grad(outputs, few.targets)
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error((("loss",), str(error))) from error
    return Session(config, task, parts, rows["train"], width, network, criterion)


def tabulate(config: Config) -> Table:
    """Load the data; raises InvalidConfig for what cannot be read, and BrokenPlugin for what is no table."""
    try:
        table = config.data.component.function(**config.data.parameters)
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error((("data",), str(error))) from error
    if not isinstance(table, Table):
        raise BrokenPlugin(f"data {config.data.name!r} gives {type(table).__name__}, expected a Table")
    return table


def check_rate(config: Config) -> None:
    """Raise InvalidConfig for a schedule that changes the learning rate of an optimizer that has none."""
    if config.schedule.component.supplied and "lr" not in config.optimizer.parameters:
        what = f"{config.optimizer.name} has no parameter lr for {config.schedule.name} to change"
        raise config.error((("schedule",), what))
