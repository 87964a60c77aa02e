"""The reference of configs: the keys of each section with their types, defaults and meanings.

`lossreg show train` prints a section, and docs/config.md has all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lossreg.experiment.config.distributions import DISTRIBUTIONS
from lossreg.experiment.config.keys import (
    DEFAULT_EPOCHS,
    DEFAULT_PLUGINS,
    EXTENDS,
    LABEL,
    OTHER_KEYS,
    PLUGIN_KEYS,
    SETTINGS,
    SWEEP,
    TERM,
    TRAIN,
)
from lossreg.experiment.config.pruner_config import HALVING, PRUNER, PRUNERS
from lossreg.experiment.config.sweep_config import SECTIONS, SWEEP_PARAMETERS
from lossreg.formatting import as_yaml, columns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.parameters import Parameter

CONFIG = "config"
"""The name of the section of the keys at the top."""

MEANINGS = {
    "data.test": "the fraction of the rows to test on, or the file that has them",
    "data.validation": "the fraction of the rows to validate on, or the file that has them",
    "data.folds": "into how many folds the rows are split; each is the test rows of one trial of a sweep",
    "data.fold": "which of the folds is tested on, from 1",
    "data.split_column": "the column that says for each row whether it is for training, validation or test",
    "data.split_group": "the column of groups, each of which stays on one side of the split",
    "data.split_time": "the column of times: the test rows are the latest",
    "data.standardise": "whether columns are scaled by the mean and standard deviation of the training rows",
    "data.standardise_targets": "the same for real targets; metrics and predictions are in the units of the data",
    "data.group": "the column that goes to the loss as the group of each row, such as a query of a ranking",
    "data.event": "the column that goes to the loss as whether the event was seen, for survival",
    "data.weight": "the column that goes to the loss as the weight of each row",
    "data.class_weight": "the weights of classes by name, or balanced: each class counts as much as any other",
    "data.second_view": "the columns that are a second view of each row, for losses that compare two",
    "model.inputs": "the number of features; it follows from the data, and is only checked",
    "model.outputs": "the number of outputs; it follows from the loss, and is only checked",
    "report.as": "the name of the loss in the metrics, by default its own",
    "term.factor": "what the loss of the term is multiplied by",
    "term.as": "the name of the term in the metrics, such as `train_loss.dice`; by default that of its loss",
    "train.epochs": f"how many times all training rows are used; {DEFAULT_EPOCHS} unless `steps` is given",
    "train.steps": "how many steps are taken, in place of `epochs`",
    "train.batch_size": "how many rows a batch has",
    "train.shuffle": "whether each epoch has the rows in another order",
    "train.accumulate": "how many batches make one step, with the gradient that one large batch would have",
    "train.clip_norm": "a limit on the norm of the gradient",
    "train.clip_value": "a limit on each number of the gradient",
    "train.patience": "after how many epochs without a lower loss training stops; the loss is that of the validation "
    "rows, or of the training rows if there are none",
    "train.restore_best": "whether the final weights are those of the epoch with the lowest such loss",
    "train.checkpoint_epochs": "after how many epochs each a checkpoint is written; by default after 1, 2, 4 and 8 "
    "seconds, and then every ten",
    "train.checkpoint_steps": "after how many steps each a checkpoint is written",
    "train.keep_checkpoints": "how many of the latest checkpoints are kept, in addition to that of the best epoch",
    "train.threads": "how many threads matrix products use; the last bits of results depend on it",
    "config.reduction": "how the values of a batch become one number; or a plugin, by its name or as a mapping such as "
    "{name: top_k, fraction: 0.1}; `lossreg list reductions` lists them",
    "config.seed": "the seed of the split, the initial weights and the order of the rows",
    "config.extends": "a config that this one changes, relative to its file",
    "config.metrics": "the metrics to record, such as [accuracy, {name: my_metric, limit: 2, as: far}]; by default the "
    "usual ones of the task; `lossreg list metrics` lists them",
    "config.report": "losses to record beside the trained one, such as [mse, {name: huber, as: robust}]",
    "config.trackers": "tools that receive the metrics, such as [tensorboard]",
    "sweep.grid": "lists of values by key, of which all combinations are tried",
    "sweep.zip": "lists of values by key that are used in parallel: the first of each, the second of each, ...",
    "sweep.draw": f"distributions by key, {' or '.join(DISTRIBUTIONS)}, from which values are drawn",
    "sweep.trials": "how many times values are drawn, for each combination of the others",
    "sweep.seed": "the seed of the draws",
    "sweep.method": "how values are drawn; optuna draws by the results of earlier trials",
    "sweep.repeats": "with how many seeds each config is run",
    "sweep.metric": "the metric that decides which config is best; by default the loss of the validation rows, or if "
    "there are none of the test rows, or else of the training rows",
    "sweep.pruner": "how trials with bad results are stopped early: successive_halving trains the best of each "
    "`factor` configs on, first after `epochs` epochs; with method optuna also hyperband, median, percentile and "
    "threshold",
    "sweep.goal": "whether the lowest or the highest value is best; by default what the name of the metric suggests",
}
"""The meaning of each key that is not a parameter of a plugin."""

ABOUT = {
    CONFIG: "The keys at the top of a config, besides the sections.",
    "data": "The data set, how its rows are split, and which of its columns go to the loss.",
    "model": "The model.",
    "optimizer": "The optimizer.",
    "schedule": "The factor on the learning rate, by step or epoch.",
    "loss": "The loss to train with, or a list of the terms of a weighted sum.",
    "term": "What a term of a weighted sum, an item of the list `loss`, may have besides the parameters of its loss.",
    "report": "What an item of `report` may have besides the parameters of its loss.",
    "train": "How to train.",
    SWEEP: "Which values of which keys to try; `lossreg sweep` runs a config that has this section.",
}
WHERE = {CONFIG: "at the top of a config", "term": "an item of the list `loss` of a config"}
LISTS = {
    EXTENDS: "a string",
    "metrics": "a list of metrics",
    "report": "a list of losses",
    "trackers": "a list of trackers",
}


@dataclass(frozen=True)
class Key:
    """A key of a section, as text: which values it may have, its default, and what it means."""

    name: str
    type: str
    default: str
    meaning: str


def sections() -> list[str]:
    """The names of the sections, in the order of a config."""
    return [CONFIG, *PLUGIN_KEYS, "term", "report", "train", SWEEP]


def keys_of(section: str) -> list[Key]:
    """The keys of a section, without the parameters of plugins."""
    if section == CONFIG:
        lists = [Key(name, kind, "", MEANINGS.get(f"config.{name}", "")) for name, kind in LISTS.items()]
        return [*described(section, OTHER_KEYS), *lists]
    if section == "train":
        return described(section, TRAIN)
    if section == "report":
        return [name_key("loss"), *described(section, [LABEL])]
    if section == "term":
        return [name_key("loss"), *described(section, TERM)]
    if section == SWEEP:
        lists = [
            Key(name, f"a mapping such as {example}", "", MEANINGS[f"sweep.{name}"])
            for name, example in SECTIONS.items()
        ]
        example = f"{', '.join(PRUNERS)}, or a mapping such as {{name: {HALVING}, epochs: 2, factor: 3}}"
        pruner = Key(PRUNER, example, "", MEANINGS[f"sweep.{PRUNER}"])
        return [*lists, *described(section, SWEEP_PARAMETERS), pruner]
    return [name_key(section), *described(section, SETTINGS[section])]


def name_key(section: str) -> Key:
    """The key that chooses a plugin."""
    plural = PLUGIN_KEYS[section].plural
    meaning = f"which one; `lossreg list {plural}` lists them, and `lossreg show NAME` shows the parameters of one"
    return Key("name", "a string", DEFAULT_PLUGINS.get(section, ""), meaning)


def described(section: str, parameters: Iterable[Parameter]) -> list[Key]:
    """The keys that parameters stand for."""
    return [
        Key(
            parameter.name,
            parameter.description.removesuffix(", or null").removesuffix(" or null"),
            "" if parameter.required or parameter.default is None else as_yaml(parameter.default),
            MEANINGS.get(f"{section}.{parameter.name}", ""),
        )
        for parameter in parameters
    ]


def section_text(section: str) -> str:
    """A section for a terminal: for each key a line with its type and default, and below it the meaning."""
    found = keys_of(section)
    where = WHERE.get(section, f"the key `{section}` of a config")
    heads = columns([key.name, key.type, key.default and f"default {key.default}"] for key in found)
    lines = [part for key, head in zip(found, heads, strict=True) for part in (f"  {head}", f"      {key.meaning}")]
    return "\n".join([f"{section} ({where})", "", ABOUT[section], "", *lines])


def markdown() -> str:
    """All sections as Markdown, with a table for each."""
    parts = []
    for section in sections():
        rows = [row(key) for key in keys_of(section)]
        head = ["| key | type | default | meaning |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {section}", "", ABOUT[section], "", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def row(key: Key) -> str:
    """The row of a key in a Markdown table."""
    cells = (f"`{key.name}`", key.type, key.default and f"`{key.default}`", key.meaning)
    return f"| {' | '.join(map(escaped, cells))} |"


def escaped(text: str) -> str:
    """Text in a cell of a Markdown table."""
    return text.replace("|", "\\|")
