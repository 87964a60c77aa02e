"""The session: all that a run needs, loaded, made and matched, before the first step.

The same config and seed draw the same numbers, whatever else happens: the split, the initial weights and the order of
each epoch have streams of their own, and an epoch's order depends on seed and epoch only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import BrokenPlugin, InvalidInput, InvalidParameter, InvalidType
from lossreg.experiment.data.preprocessing import prepare_inputs
from lossreg.experiment.data.split import split
from lossreg.experiment.data.table import Table
from lossreg.experiment.storage.records import SPLITS
from lossreg.experiment.training.compatibility import MatchedLoss, fit, standardised
from lossreg.experiment.training.evaluation import Evaluator
from lossreg.experiment.training.examples import Examples, part_of
from lossreg.experiment.training.objective import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.errors import InvalidConfig
    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.config.yaml_document import KeyPath
    from lossreg.experiment.network.interface import Network

SPLIT, WEIGHTS, ORDER, EXAMPLES = range(4)


@dataclass(frozen=True)
class PreparedRun:
    """All that a run needs, made and matched: what is left to do is the work."""

    config: Config
    parts: dict[str, Examples]
    """The examples for each of SPLITS, without those that have none."""
    network: Network
    outputs: int
    """How many numbers the network gives for a row."""
    objective: Objective
    measure: Evaluator
    encoding: dict[str, Any]
    """What was done to the data, as JSON has it."""

    @property
    def train(self) -> Examples:
        """The examples to train on."""
        return self.parts["train"]

    @property
    def examples_per_step(self) -> int:
        """The examples of one step; an epoch's last step may have fewer."""
        return self.config.train.batch_size * self.config.train.accumulate

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in one pass over the examples."""
        return -(-len(self.train) // self.examples_per_step)

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
        """The order of the examples in an epoch (from 1)."""
        count = len(self.train)
        if not self.config.train.shuffle:
            return np.arange(count)
        return stream(self.config.seed, ORDER, epoch - 1).permutation(count)


def stream(seed: int, *key: int) -> np.random.Generator:
    """Random numbers for one purpose: their own for each seed and key."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def prepare(config: Config) -> PreparedRun:
    """Load the data, match it with loss and model, and try one batch. Raises InvalidConfig for what cannot work."""
    table = tabulate(config)
    fitted = fit(config, table)
    check_rate(config)
    settings = config.data.settings
    shares = {name: settings[name] for name in ("test", "validation")}
    try:
        rows = dict(zip(("train", *shares), split(table, shares, stream(config.seed, SPLIT)), strict=True))
    except InvalidInput as error:
        raise data_error(config, error) from error
    if settings["standardise_targets"]:
        fitted = standardised(fitted, rows["train"], config)
    inputs, scaling, encoding = prepare_inputs(table, rows["train"], standardise=settings["standardise"])
    if fitted.scaling:
        encoding["target_scaling"] = fitted.scaling.to_json()
    try:
        parts = {
            name: part_of(fitted, inputs, rows[name], scaling, stream(config.seed, EXAMPLES, number))
            for number, name in enumerate(SPLITS)
            if len(rows[name])
        }
    except InvalidInput as error:
        raise data_error(config, error) from error
    train = parts["train"]
    network, outputs = build(config, fitted, train, stream(config.seed, WEIGHTS))
    objective = Objective(config.loss.component, config.reduction, config.loss.parameters, fitted.demand)
    batch = train.room(1, outputs)
    train.take(np.arange(1), batch)
    try:
        objective.value_and_grad(network.forward(batch.inputs), batch.targets, out=batch.grad)
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise config.error((("loss",), str(error))) from error
    return PreparedRun(config, parts, network, outputs, objective, Evaluator.of(config, fitted), encoding)


def tabulate(config: Config) -> Table:
    """Load the data; raises InvalidConfig for what cannot be read, and BrokenPlugin for what is no table."""
    try:
        table = config.data.component.function(**config.data.parameters)
    except (InvalidInput, InvalidParameter, InvalidType) as error:
        raise data_error(config, error) from error
    except MemoryError:
        raise config.error((("data",), "they do not fit into memory")) from None
    if not isinstance(table, Table):
        raise BrokenPlugin(f"data {config.data.name!r} gives {type(table).__name__}, expected a Table")
    return table


def data_error(config: Config, error: Exception) -> InvalidConfig:
    """The error of data that cannot be used: each line with the place of the key it begins with, or of all the data."""
    problems: list[tuple[KeyPath, str]] = []
    for line in re.sub(r"\[errno \d+\] ", "", str(error), flags=re.IGNORECASE).splitlines():  # of a file's OSError
        name, _, what = line.partition(": ")
        known = name in config.data.parameters or name in config.data.settings
        problems.append((("data", name), what) if known else (("data",), line))
    return config.error(*problems)


def build(config: Config, fitted: MatchedLoss, part: Examples, random: np.random.Generator) -> tuple[Network, int]:
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


def check_rate(config: Config) -> None:
    """Raise InvalidConfig for a schedule that changes the learning rate of an optimizer that has none."""
    if config.schedule.component.supplied and "lr" not in config.optimizer.parameters:
        what = f"{config.optimizer.name} has no parameter lr for {config.schedule.name} to change"
        raise config.error((("schedule",), what))
