"""The fit of data, model, losses and metrics: what each asks of the others, and what to change where they clash."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.domains import REAL
from lossreg.errors import InvalidInput, listed
from lossreg.experiment.data.preprocessing import Scaling
from lossreg.experiment.task.metrics import suitable
from lossreg.experiment.task.requirements import LossRequirements, Task, requirements_of
from lossreg.experiment.task.targets import encode, suits
from lossreg.registry.isolation import usable
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.config.validation import PluginConfig
    from lossreg.experiment.config.yaml_document import KeyPath
    from lossreg.experiment.data.table import Table

    Problems = list[tuple[KeyPath, str]]


@dataclass(frozen=True)
class MatchedLoss:
    """What goes with what: a loss's demand, the targets of all rows, and how many numbers the network gives for one."""

    demand: LossRequirements
    targets: NDArray[Any]
    outputs: int | None
    """None where the network chooses."""
    reconstructing: bool
    """Whether the targets are the inputs."""
    reported: tuple[MatchedLoss, ...] = ()
    """The losses that are reported beside."""
    scaling: Scaling | None = None
    """By what the targets have been standardised."""

    @property
    def width(self) -> int | None:
        """How many numbers one prediction has."""
        return self.outputs and self.outputs // self.demand.parts


def fit(config: Config, table: Table) -> MatchedLoss:
    """Match a config with its data. Raises InvalidConfig, with all that has to change."""
    problems: Problems = []
    found = fit_loss(config.loss, ("loss",), config, table, problems)
    reported = []
    if found:
        problems += sizes(config, table, found)
        problems += clashing_metrics(config, found)
    for index, choice in enumerate(config.report):
        path = ("report", index)
        beside = fit_loss(choice, path, config, table, problems)
        if found and beside:
            problems += clashing_losses(choice, path, beside, config, found)
            reported.append(beside)
    if problems or not found:
        raise config.error(*problems)
    return replace(found, outputs=found.outputs or config.model.settings["outputs"], reported=tuple(reported))


def fit_loss(
    choice: PluginConfig, path: KeyPath, config: Config, table: Table, problems: Problems
) -> MatchedLoss | None:
    """Match one loss with the data, or add to the problems."""
    demand, model = requirements_of(choice.component, choice.parameters), config.model
    reconstructing = bool(demand and demand.task.rows == 1 and "outputs" not in model.component.supplied)
    if demand is None or not (reconstructing or suits(demand.task, table)):
        problems.append((path, mismatch(choice, config, table, demand)))
        return None
    if reconstructing and (demand.task, demand.target and demand.target.domain) != (Task.REAL, REAL):
        problems.append((path, f"{model.name} gives its inputs again, and takes a loss of real targets"))
        return None
    try:
        targets = table.inputs if reconstructing else encode(demand, table)
    except InvalidInput as error:
        problems.append((path, f"{choice.name} takes {error}; data {config.data.name}"))
        return None
    width = targets.shape[1] if targets.ndim > 1 else None if demand.free else len(table.classes)
    return MatchedLoss(demand, targets, width and width * demand.parts, reconstructing)


def sizes(config: Config, table: Table, found: MatchedLoss) -> Problems:
    """What is wrong with the model's sizes, where it is told them, or has to be."""
    model, loss, data = config.model, config.loss.name, config.data.name
    settled, given = "outputs" not in model.component.supplied, model.settings["outputs"]
    needed = {"inputs": (table.inputs.shape[1], f"the features of {data}")}
    if not settled:
        needed["outputs"] = (found.outputs or given, f"what {loss} takes for {data}")
    problems: Problems = []
    for key, (size, reason) in needed.items():
        if model.settings[key] not in (None, size):
            what = f"expected {size}, {reason}, got {model.settings[key]}; leave it out or write {size}"
            problems.append((("model", key), what))
    if settled and given is not None:
        problems.append((("model", "outputs"), f"{model.name} chooses this itself; leave it out"))
    if not settled and found.outputs is None and given is None:
        told = f"outputs is missing: the length of the embeddings that {loss} compares, such as 16"
        problems.append((("model",), told))
    return problems


def clashing_metrics(config: Config, found: MatchedLoss) -> Problems:
    """The metrics that do not measure what the loss predicts."""
    fitting = suitable(found.demand.task, found.width)
    told = f"does not measure {found.demand.task.value}, which {config.loss.name} takes; metrics that fit: "
    return [
        (("metrics", index), f"{name} {told}{listed(fitting)}")
        for index, name in enumerate(config.metrics or ())
        if name not in fitting
    ]


def clashing_losses(
    choice: PluginConfig, path: KeyPath, beside: MatchedLoss, config: Config, found: MatchedLoss
) -> Problems:
    """What keeps a loss from being reported beside the one that trains."""
    name, theirs, ours = config.loss.name, found.demand, beside.demand
    if theirs.task.rows > 1 and theirs.task is not ours.task:
        return [(path, f"{choice.name} takes {ours.task.value}, and {name} {theirs.task.value}")]
    if ours.task.rows != theirs.task.rows or beside.width != found.width or ours.parts > theirs.parts:
        return [(path, f"{choice.name} takes other predictions than {name}, which trains")]
    if ours.log_prediction != theirs.log_prediction:
        return [(path, f"of {choice.name} and {name}, one takes the logarithm of what the other takes")]
    return []


def standardised(found: MatchedLoss, rows: NDArray[np.intp], config: Config) -> MatchedLoss:
    """The fit with its targets standardised, as some rows are; raises InvalidConfig where they are not any numbers."""
    every = (found, *found.reported)
    for each, choice in zip(every, (config.loss, *config.report), strict=True):
        target = each.demand.target
        if found.reconstructing or each.demand.task is not Task.REAL or not target or target.domain is not REAL:
            told = f"{choice.name} takes no targets that could be any number"
            raise config.error((("data", "standardise_targets"), told))
    scaling = Scaling.of(found.targets, rows)
    targets = scaling(found.targets).astype(np.float32)
    first, *reported = (replace(each, targets=targets) for each in every)
    return replace(first, reported=tuple(reported), scaling=scaling)


def mismatch(choice: PluginConfig, config: Config, table: Table, demand: LossRequirements | None) -> str:
    """A loss and data that do not go together, in words, with the losses that would."""
    found = f"{len(table.classes)} classes" if table.classes else "real targets"
    found += f" in {', '.join(table.target_names)}" if table.target_names else ""
    if demand is None:
        takes = ", ".join(f"{entry.name} ({entry.domain.extent})" for entry in choice.component.inputs)
        problem = f"{choice.name} takes {takes}, which a {config.model.name} on a table does not give"
    else:
        problem = f"{choice.name} takes {demand.task.value}, and {config.data.name} has {found}"
    change = "" if table.classes or not demand else ", or give data with class labels"
    change += " (data.task: classification)" if change and "task" in config.data.parameters else ""
    return f"{problem}; losses that fit: {listed(fitting(table))}{change}"


def fitting(table: Table) -> list[str]:
    """The names of the installed losses that suit a table's targets."""
    names = []
    for offer, loss in usable(losses):
        demand = requirements_of(loss)
        if demand and suits(demand.task, table):
            with suppress(InvalidInput):
                encode(demand, table)
                names.append(offer.name)
    return names
