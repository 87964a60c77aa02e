"""A run's config: six nouns (data, model, optimizer, schedule, loss, reduction), how to train, and a seed.

    data: {name: digits, test: 0.25, validation: 0.1, standardise: true}
    model: {name: mlp, hidden: [64]}
    optimizer: {name: adam, lr: 0.001}
    schedule: constant                                      # of the learning rate; constant unless given
    loss: cross_entropy
    reduction: mean                                         # mean, sum or batchmean
    train: {epochs: 30, batch_size: 64, shuffle: true}      # epochs or steps
    metrics: [accuracy, f1_macro]                           # the usual ones of the task, unless given
    report: [multi_margin, {name: nll, as: surprise}]       # losses to measure beside the one that trains
    trackers: [tensorboard]                                 # who else is told; none unless given
    seed: 0

A bare name is a mapping with only a `name`. Beside a plugin's parameters, `data` takes `test` and `validation` (the
parts of the rows to test on, and to watch while training), `standardise` and `standardise_targets` (by the training
rows' mean and deviation), and `model` takes `inputs` and `outputs`, which follow from data and loss and are only
checked. `TrainingOptions` has what `train` takes. All errors are found before any work, and raised together.
"""

from __future__ import annotations

import json
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lossreg.definition.annotations import Fraction, NonNegativeInteger, Positive, PositiveInteger
from lossreg.definition.parameters import Parameter
from lossreg.errors import listed, nearest
from lossreg.experiment.config.inheritance import EXTENDS, compose
from lossreg.experiment.config.validation import ConfigValidator, PluginConfig
from lossreg.experiment.task.metrics import METRIC_NAMES
from lossreg.registry.registries import data, losses, models, optimizers, schedules, trackers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.errors import InvalidConfig
    from lossreg.experiment.config.yaml_document import Document, KeyPath

NOUNS: dict[str, Any] = {
    "data": data,
    "model": models,
    "optimizer": optimizers,
    "schedule": schedules,
    "loss": losses,
}
USUAL = {"schedule": "constant"}

SETTINGS: dict[str, tuple[Parameter, ...]] = {
    "data": (
        Parameter("test", Fraction, 0.25),
        Parameter("validation", Fraction, 0.0),
        Parameter("standardise", bool, default=False),
        Parameter("standardise_targets", bool, default=False),
    ),
    "model": (Parameter("inputs", PositiveInteger | None, None), Parameter("outputs", PositiveInteger | None, None)),
    "optimizer": (),
    "schedule": (),
    "loss": (),
}
LABEL = Parameter("as", str | None, None)
"""What a loss that is reported beside is called in the records, where its name is not enough."""
TRAIN = (
    Parameter("epochs", PositiveInteger | None, None),
    Parameter("steps", PositiveInteger | None, None),
    Parameter("batch_size", PositiveInteger, 32),
    Parameter("shuffle", bool, default=True),
    Parameter("accumulate", PositiveInteger, 1),
    Parameter("clip_norm", Positive | None, None),
    Parameter("clip_value", Positive | None, None),
    Parameter("patience", PositiveInteger | None, None),
    Parameter("restore_best", bool, default=False),
    Parameter("checkpoint_epochs", PositiveInteger | None, None),
    Parameter("checkpoint_steps", PositiveInteger | None, None),
    Parameter("keep_checkpoints", PositiveInteger, 2),
)
REST = (
    Parameter("reduction", Literal["mean", "sum", "batchmean"], "mean"),
    Parameter("seed", NonNegativeInteger, 0),
)
EPOCHS = 10
SWEEP = "sweep"
KEPT = {noun: {setting.name for setting in settings} for noun, settings in SETTINGS.items()}
"""What stays of a noun whose plugin is replaced by another."""


@dataclass(frozen=True)
class TrainingOptions:
    """How to train: for so many epochs or steps, in batches of so many rows.

    accumulate: how many batches make one step, as if they were one large batch.
    clip_norm, clip_value: what the gradient's norm, and each number in it, is limited to.
    patience: after how many epochs without a lower loss to stop, of the validation rows or else of the training rows.
    restore_best: whether the final weights are those of the epoch with the lowest such loss.
    checkpoint_epochs, checkpoint_steps: how often to write a checkpoint; if neither is given, about every ten seconds.
    keep_checkpoints: how many of the latest to keep, beside that of the epoch with the lowest loss.
    """

    epochs: int | None
    steps: int | None
    batch_size: int
    shuffle: bool
    accumulate: int
    clip_norm: float | None
    clip_value: float | None
    patience: int | None
    restore_best: bool
    checkpoint_epochs: int | None
    checkpoint_steps: int | None
    keep_checkpoints: int


@dataclass(frozen=True)
class Config:
    """A config that has been checked, with every default filled in."""

    name: str
    data: PluginConfig
    model: PluginConfig
    optimizer: PluginConfig
    schedule: PluginConfig
    loss: PluginConfig
    reduction: str
    train: TrainingOptions
    seed: int
    metrics: tuple[str, ...] | None
    report: tuple[PluginConfig, ...]
    trackers: tuple[PluginConfig, ...]
    document: Document = field(repr=False)

    @property
    def choices(self) -> dict[str, PluginConfig]:
        """The plugins, by noun."""
        return {noun: getattr(self, noun) for noun in NOUNS}

    @property
    def plugins(self) -> tuple[PluginConfig, ...]:
        """All the plugins that a run uses."""
        return (*self.choices.values(), *self.report, *self.trackers)

    def resolved(self) -> dict[str, Any]:
        """The config with every default filled in; a run of it is the same run."""
        nouns = {noun: choice.resolved() for noun, choice in self.choices.items()}
        rest = {"reduction": self.reduction, "train": asdict(self.train), "seed": self.seed}
        metrics = None if self.metrics is None else list(self.metrics)
        lists = {"report": self.report, "trackers": self.trackers}
        beside = {key: [choice.resolved() for choice in choices] for key, choices in lists.items()}
        return {**nouns, **rest, "metrics": metrics, **beside}

    def error(self, *problems: tuple[KeyPath, str]) -> InvalidConfig:
        """Make the error of a config that cannot work, with the place in the file of each value to change."""
        return self.document.error(*problems)


def load(source: str | Path | Mapping[str, Any], changes: Iterable[str] = ()) -> Config:
    """Read and check a config (the path of a YAML file, or a dict), with changes such as ``optimizer.lr=3e-4``.

    Raises InvalidConfig with every problem found.
    """
    document = compose(source, changes, KEPT)
    if is_sweep(document):
        document.report((SWEEP,), "a config of many runs; lossreg sweep runs them", at_key=True)
        document.check()
    return checked(document, name_of(source, document))


def is_sweep(document: Document) -> bool:
    """Whether a config that has been put together is one of many runs."""
    return isinstance(document.content, Mapping) and document.content.get(SWEEP) is not None


def checked(document: Document, name: str) -> Config:
    """Check the document of a config that has been put together; raises InvalidConfig with every problem found."""
    content = document.content
    if not isinstance(content, Mapping) or not content:
        document.check()
        found = "nothing" if not content else f"{content!r}"
        document.report((), f"expected a mapping with {', '.join(NOUNS)}, got {found}")
        document.check()
    reader = ConfigValidator(document)
    reader.known((), content, [*NOUNS, "train"])
    choices: dict[str, Any] = {}
    for noun, registry in NOUNS.items():
        if noun in content or noun in USUAL:
            choices[noun] = reader.choice(registry, (noun,), content.get(noun, USUAL.get(noun)), SETTINGS[noun])
        else:
            document.report((), f"{noun} is missing; installed: {listed(registry.names())}")
    rest = reader.section((), content, REST)
    reader.known((), content, ["metrics", "report", "trackers", EXTENDS, SWEEP])
    metrics, report = named_metrics(reader, content), reported_losses(reader, content)
    told = enumerate(reader.items("trackers", content, "[tensorboard]"))
    followers = tuple(reader.choice(trackers, ("trackers", index), given, ()) for index, given in told)
    train = content.get("train")
    if not isinstance(train, Mapping | None):
        document.report(("train",), f"expected a mapping such as {{epochs: 10}}, got {train!r}")
        train = None
    training = reader.section(("train",), train or {}, TRAIN)
    if training.get("epochs") and training.get("steps"):
        document.report(("train", "steps"), "epochs or steps, not both; leave one out", at_key=True)
    reader.finish()
    if training["steps"] is None:
        training["epochs"] = training["epochs"] or EPOCHS
    made = {**choices, **rest, "metrics": metrics, "report": report, "trackers": followers}
    return Config(name=name, document=document, train=TrainingOptions(**training), **made)


def name_of(source: Any, document: Document) -> str:
    """The name of a config: its file's or, of the one in a run's directory, the run's."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        path = Path(source).with_name("environment.json")
        name = json.loads(path.read_bytes())["name"] if stat.S_ISREG(path.lstat().st_mode) else None
        return name if isinstance(name, str) and name else document.name
    return document.name


def named_metrics(reader: ConfigValidator, content: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Read the metrics, each the name of one; None for those that are usual for the task."""
    if content.get("metrics") is None:
        return None
    names = reader.items("metrics", content, "[accuracy, f1_macro]")
    for index, name in enumerate(names):
        path, earlier = ("metrics", index), names[:index]
        if name not in METRIC_NAMES:
            hint = nearest(str(name), METRIC_NAMES)
            told = f"no metric is named {name!r}" + (hint and f"; {hint}")
            reader.document.report(path, f"{told}; there are {', '.join(METRIC_NAMES)}")
        elif name in earlier:
            reader.document.report(path, f"{name} is there twice")
    return tuple(names)


def reported_losses(reader: ConfigValidator, content: Mapping[str, Any]) -> tuple[PluginConfig, ...]:
    """Read the losses to report beside the one that trains."""
    choices = []
    labels: set[str] = set()
    for index, given in enumerate(reader.items("report", content, "[mse, {name: huber, delta: 2}]")):
        path = ("report", index)
        choice = reader.choice(losses, path, given, (LABEL,))
        if choice is None:
            continue
        name = label(choice)
        if not re.fullmatch(r"\w+", name):
            reader.document.report((*path, "as"), f"expected letters, digits and underscores, got {name!r}")
        if name in labels:
            reader.document.report(path, f"{name} is there twice; tell them apart with a label, such as as: {name}_2")
        labels.add(name)
        choices.append(choice)
    return tuple(choices)


def label(choice: PluginConfig) -> str:
    """What a loss that is reported beside is called in the records."""
    return choice.settings["as"] or choice.offer.name
