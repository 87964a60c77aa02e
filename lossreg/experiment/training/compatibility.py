"""Check that data, model, losses and metrics go together, and say what to change where they do not."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.domains import FINITE, REAL
from lossreg.errors import InvalidInput, listed
from lossreg.experiment.config.validation import PluginConfig
from lossreg.experiment.data.given_columns import GIVEN
from lossreg.experiment.data.preprocessing import Scaling
from lossreg.experiment.task.metrics import is_suitable, metric_kind, suitable_metrics
from lossreg.experiment.task.requirements import LossRequirements, requirements_of
from lossreg.experiment.task.targets import are_suitable, encode_targets
from lossreg.experiment.task.tasks import Task
from lossreg.experiment.training.objective import key_of
from lossreg.registry.isolation import usable
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lossreg.definition.signature import Input
    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.config.yaml_document import KeyPath
    from lossreg.experiment.data.table import Table

    Problems = list[tuple[KeyPath, str]]


@dataclass(frozen=True)
class MatchedLoss:
    """A loss matched with data: its requirements, the encoded targets of all rows, and the outputs that it needs."""

    requirements: LossRequirements
    targets: NDArray[Any]
    outputs: int | None
    """How many outputs the network has for each row; None if the model chooses."""
    reconstructs_inputs: bool
    """Whether the targets are the inputs."""
    added: tuple[MatchedLoss, ...] = ()
    """The other terms, if the trained loss is a weighted sum."""
    reported: tuple[MatchedLoss, ...] = ()
    """The losses that are reported in addition to the trained one."""
    scaling: Scaling | None = None
    """How the targets have been standardised."""

    @property
    def every(self) -> tuple[MatchedLoss, ...]:
        """All losses, in the order of `Config.losses`."""
        return (self, *self.added, *self.reported)

    @property
    def width(self) -> int | None:
        """How many numbers one prediction has."""
        return self.outputs and self.outputs // self.requirements.predictions_per_row


def match(config: Config, table: Table) -> MatchedLoss:
    """Match the losses of a config with its data, model and metrics; raises InvalidConfig with every problem."""
    problems: Problems = []
    paths = {id(choice): ("report", index) for index, choice in enumerate(config.report)}
    if config.is_sum:
        paths |= {id(choice): ("loss", index) for index, choice in enumerate(config.terms)}
    trained = match_loss(config.loss, paths.get(id(config.loss), ("loss",)), config, table, problems)
    others = []
    if trained:
        problems += size_problems(config, table, trained)
        problems += metric_problems(config, trained)
        problems += boosting_problems(config, trained)
    for choice in config.losses[1:]:
        path = paths[id(choice)]
        other = match_loss(choice, path, config, table, problems)
        if trained and other:
            problems += other_loss_problems(choice, path, other, config, trained)
            others.append(other)
            if other.requirements.learned and choice in config.terms:
                problems.append(
                    (path, f"{choice.name} has learned inputs, which only the first of such terms may have")
                )
    coupled = [term.name for term in config.terms if term.component.forms[0].coupling(term.parameters)]
    if coupled and config.train.accumulate > 1:
        problem = f"the samples of {coupled[0]} are coupled, so the losses of parts of a batch do not add up"
        problems.append((("train", "accumulate"), f"{problem}; leave this out"))
    if isinstance(config.reduction, PluginConfig) and config.train.accumulate > 1:
        problem = f"the losses of parts of a batch do not add up with the reduction {config.reduction.name}"
        problems.append((("train", "accumulate"), f"{problem}; leave this out"))
    if problems or not trained:
        raise config.error(*problems)
    outputs, terms = trained.outputs or config.model.settings["outputs"], len(config.terms) - 1
    return replace(trained, outputs=outputs, added=tuple(others[:terms]), reported=tuple(others[terms:]))


def match_loss(
    choice: PluginConfig, path: KeyPath, config: Config, table: Table, problems: Problems
) -> MatchedLoss | None:
    """Match one loss with the data and the model, or add to the problems."""
    requirements, model = requirements_of(choice.component, choice.parameters), config.model
    reconstructs = bool(requirements and requirements.task.rows == 1 and "outputs" not in model.component.supplied)
    if requirements is None or not (reconstructs or are_suitable(requirements.task, table)):
        problems.append((path, unsuitable_loss(choice, config, table, requirements)))
        return None
    domain = requirements.target and requirements.target.domain
    if reconstructs and (requirements.task, domain) != (Task.REGRESSION, REAL):
        problem = f"{model.name} reconstructs its inputs, which needs a loss whose targets may be any real numbers"
        problems.append((path, problem))
        return None
    try:
        targets = table.inputs if reconstructs else encode_targets(requirements, table)
    except InvalidInput as error:
        problems.append((path, f"{choice.name} {error} of {config.data.name}"))
        return None
    missing = [entry for entry in requirements.others if key_of(entry) not in table.given]
    if missing:
        problems.append((path, missing_columns(choice, missing)))
        return None
    try:
        width = requirements.width(targets, len(table.classes))
    except InvalidInput as error:
        problems.append((path, f"{choice.name} {error}"))
        return None
    return MatchedLoss(requirements, targets, width and width * requirements.predictions_per_row, reconstructs)


def missing_columns(choice: PluginConfig, missing: list[Input]) -> str:
    """The message for inputs of a loss that no column is named for."""
    keys = listed(
        f"data.{key_of(entry)}" if key_of(entry) in GIVEN else f"a column {entry.name!r}" for entry in missing
    )
    names = ", ".join(entry.name for entry in missing)
    return f"{choice.name} takes {names} from columns of the data: name them with {keys}"


def size_problems(config: Config, table: Table, trained: MatchedLoss) -> Problems:
    """What is wrong with the model's `inputs` and `outputs`, which a config may give, or has to."""
    model, loss, data = config.model, config.loss.name, config.data.name
    model_chooses, given = "outputs" not in model.component.supplied, model.settings["outputs"]
    expected = {"inputs": (table.inputs.shape[1], f"the number of features of {data}")}
    if not model_chooses:
        expected["outputs"] = (trained.outputs or given, f"the number of outputs that {loss} takes for {data}")
    problems: Problems = []
    for key, (size, reason) in expected.items():
        if model.settings[key] not in (None, size):
            problem = f"expected {size}, {reason}, got {model.settings[key]}; leave it out or write {size}"
            problems.append((("model", key), problem))
    if model_chooses and given is not None:
        problems.append((("model", "outputs"), f"{model.name} chooses its outputs itself; leave this out"))
    if not model_chooses and trained.outputs is None and given is None:
        problem = f"outputs is missing: the length of the embeddings that {loss} compares, such as 16"
        problems.append((("model",), problem))
    return problems


def boosting_problems(config: Config, trained: MatchedLoss) -> Problems:
    """Why a boosted model cannot be trained with the loss, if it cannot: trees give each row or class one score."""
    required, model = trained.requirements, config.model
    if not model.component.boosted:
        return []
    if config.is_sum:
        return [(("loss",), f"{model.name} is trained with a single loss, and not with a weighted sum")]
    has_scores = required.task.rows == 1 and required.target and not (required.any_width or trained.reconstructs_inputs)
    if has_scores and required.inverse_links == [None] and not (required.others or required.learned):
        return []
    problem = f"{model.name} gives each row, or each class of it, one score that may be any number"
    return [(("loss",), f"{problem}, which is not what {config.loss.name} takes")]


def metric_problems(config: Config, trained: MatchedLoss) -> Problems:
    """The metrics that do not measure what the loss predicts."""
    task = trained.requirements.task
    kind = metric_kind(task, any_width=trained.requirements.any_width)
    unsuitable = {
        index: metric.name
        for index, metric in enumerate(config.metrics or ())
        if not is_suitable(metric.component, kind, trained.width)
    }
    if not unsuitable:
        return []
    suitable = listed(suitable_metrics(kind, trained.width))
    problem = f"does not measure {task.value}, which {config.loss.name} takes; suitable metrics: {suitable}"
    return [(("metrics", index), f"{name} {problem}") for index, name in unsuitable.items()]


def other_loss_problems(
    choice: PluginConfig, path: KeyPath, other: MatchedLoss, config: Config, trained: MatchedLoss
) -> Problems:
    """Why a loss does not take the predictions of the trained loss, if it does not."""
    name, ours, theirs = config.loss.name, trained.requirements, other.requirements
    if ours.task.rows > 1 and ours.task is not theirs.task:
        return [(path, f"{choice.name} takes {theirs.task.value}, but the trained loss {name} {ours.task.value}")]
    more = theirs.predictions_per_row > ours.predictions_per_row
    if ours.task.rows != theirs.task.rows or other.width != trained.width or more:
        return [(path, f"{choice.name} takes other predictions than the trained loss {name}")]
    if ours.log_prediction != theirs.log_prediction:
        predicts = "the logarithm of it" if theirs.log_prediction else "the target itself"
        problem = f"{choice.name} takes predictions of {predicts}, unlike the trained loss {name}"
        return [(path, problem)]
    return []


def standardise_targets(matched: MatchedLoss, rows: NDArray[np.intp], config: Config) -> MatchedLoss:
    """Standardise the targets by some rows; raises InvalidConfig for a loss whose targets are not any real numbers."""
    for each, choice in zip(matched.every, config.losses, strict=True):
        task, target = each.requirements.task, each.requirements.target
        if (
            matched.reconstructs_inputs
            or task is not Task.REGRESSION
            or not target
            or target.domain not in {REAL, FINITE}
        ):
            problem = f"only targets that may be any real numbers can be standardised, unlike those of {choice.name}"
            raise config.error((("data", "standardise_targets"), problem))
    scaling = Scaling.of(matched.targets, rows)
    targets = scaling(matched.targets).astype(np.float32)
    added, reported = (
        tuple(replace(each, targets=targets) for each in others) for others in (matched.added, matched.reported)
    )
    return replace(matched, targets=targets, added=added, reported=reported, scaling=scaling)


def unsuitable_loss(choice: PluginConfig, config: Config, table: Table, requirements: LossRequirements | None) -> str:
    """The message for a loss that does not suit the data, with the losses that do."""
    if requirements is None:
        takes = ", ".join(f"{entry.name} ({entry.domain.description})" for entry in choice.component.inputs)
        problem = f"{choice.name} takes {takes}, which no model on a table provides"
    else:
        found = f"{len(table.classes)} classes" if table.classes else "real targets"
        found += f" in {', '.join(table.target_names)}" if table.target_names else ""
        problem = f"{choice.name} takes {requirements.task.value}, but {config.data.name} has {found}"
    change = "" if table.classes or not requirements else ", or use data with class labels"
    change += " (data.task: classification)" if change and "task" in config.data.parameters else ""
    return f"{problem}; suitable losses: {listed(suitable_losses(table))}{change}"


def suitable_losses(table: Table) -> list[str]:
    """The names of the installed losses that suit a table's targets; one whose plugin fails does not."""
    names = []
    for offer, loss in usable(losses):
        with suppress(Exception):
            requirements = requirements_of(loss)
            if requirements and are_suitable(requirements.task, table):
                encode_targets(requirements, table)
                names.append(offer.name)
    return names
