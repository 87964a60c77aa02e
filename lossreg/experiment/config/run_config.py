"""The config of a run, checked: the plugins (data, model, optimizer, schedule, loss), how to train, and the seed.

    data: {name: digits, test: 0.25, validation: 0.1, standardise: true}
    model: {name: mlp, hidden: [64]}
    optimizer: {name: adam, lr: 0.001}
    schedule: constant                                      # of the learning rate; this is the default
    loss: cross_entropy                                     # or a sum: [{name: dice, factor: 0.5}, cross_entropy]
    reduction: mean                                         # mean, sum or batchmean, or {name: top_k, fraction: 0.1}
    train: {epochs: 30, batch_size: 64, shuffle: true}      # epochs or steps
    metrics: [accuracy, f1_macro]                           # by default, the usual ones of the task
    report: [multi_margin, {name: nll, as: surprise}]       # losses to evaluate in addition to the trained one
    trackers: [tensorboard]                                 # tools that receive the metrics; by default none
    seed: 0

A bare name stands for a mapping with only a `name`. Besides the parameters of its plugin, `data` takes `test` and
`validation` (the fractions of the rows to test on and to validate on, or files of their own), `split_column` (whose
words are train, test and validation), `split_group` (all rows of a group are in one part), `split_time` (the latest
rows are test rows), `folds` (each of so many is tested on once, in a sweep of as many runs), `standardise` and
`standardise_targets` (by the mean and standard deviation of the training rows), and columns for the loss:
`group`, `event`, `weight`, and the list `second_view`. `class_weight` is balanced, or a mapping with the weights of
classes. `model` takes `inputs` and `outputs`, which follow from data and loss and are only checked. `TrainingOptions`
lists what `train` takes. All mistakes are found before any work, and reported together.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.errors import first_listed
from lossreg.experiment.config.inheritance import compose
from lossreg.experiment.config.keys import (
    DEFAULT_EPOCHS,
    DEFAULT_PLUGINS,
    EXTENDS,
    OF_BATCHES,
    PLUGIN_KEYS,
    SETTINGS,
    SWEEP,
    TEST_FRACTION,
    TRAIN,
    TrainingOptions,
)
from lossreg.experiment.config.listed_plugins import validate_metrics, validate_reported_losses, validate_sum
from lossreg.experiment.config.validation import (
    ConfigValidator,
    PluginConfig,
    validate_boosted,
    validate_other_keys,
)
from lossreg.formatting import shortened
from lossreg.registry.registries import trackers

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.errors import InvalidConfig
    from lossreg.experiment.config.yaml_document import Document, KeyPath

LARGEST_ENVIRONMENT = 16_000_000
"""The size, in bytes, up to which an environment.json beside a config is read for the name of its run."""


@dataclass(frozen=True)
class Config:
    """A config that has been checked, with all defaults filled in."""

    name: str
    data: PluginConfig
    model: PluginConfig
    optimizer: PluginConfig | None
    """The optimizer; None if the model is boosted."""
    schedule: PluginConfig
    loss: PluginConfig
    """The trained loss; of a sum, the term that decides what the network predicts."""
    terms: tuple[PluginConfig, ...]
    """The terms of a weighted sum of losses, or the only loss."""
    reduction: str | PluginConfig
    train: TrainingOptions
    seed: int
    metrics: tuple[PluginConfig, ...] | None
    report: tuple[PluginConfig, ...]
    trackers: tuple[PluginConfig, ...]
    document: Document = field(repr=False)

    @property
    def by_key(self) -> dict[str, PluginConfig]:
        """The plugins that PLUGIN_KEYS choose, by key."""
        chosen = {key: getattr(self, key) for key in PLUGIN_KEYS}
        return {key: plugin for key, plugin in chosen.items() if plugin}

    @property
    def plugins(self) -> tuple[PluginConfig, ...]:
        """All plugins that a run uses."""
        reduction = (self.reduction,) if isinstance(self.reduction, PluginConfig) else ()
        return (*self.by_key.values(), *self.losses[1:], *reduction, *(self.metrics or ()), *self.trackers)

    @property
    def is_sum(self) -> bool:
        """Whether the trained loss is a weighted sum, whose terms have factors."""
        return "factor" in self.loss.settings

    @property
    def losses(self) -> tuple[PluginConfig, ...]:
        """All losses that a run evaluates: the trained one, the other terms of a sum, and the reported ones."""
        return (self.loss, *(term for term in self.terms if term is not self.loss), *self.report)

    def resolved(self) -> dict[str, Any]:
        """The config with all defaults filled in, as a dict; a run of it is the same run."""
        plugins: dict[str, Any] = {key: plugin.resolved() for key, plugin in self.by_key.items()}
        if self.is_sum:
            plugins["loss"] = [term.resolved() for term in self.terms]
        reduction = self.reduction.resolved() if isinstance(self.reduction, PluginConfig) else self.reduction
        train = asdict(self.train)
        if self.model.component.boosted:
            train = {name: value for name, value in train.items() if name not in OF_BATCHES}
        others = {"reduction": reduction, "train": train, "seed": self.seed}
        metrics = None if self.metrics is None else [metric.short() for metric in self.metrics]
        lists = {"report": self.report, "trackers": self.trackers}
        listed_plugins = {key: [plugin.resolved() for plugin in plugins] for key, plugins in lists.items()}
        return {**plugins, **others, "metrics": metrics, **listed_plugins}

    def error(self, *problems: tuple[KeyPath, str]) -> InvalidConfig:
        """Make the error for values that cannot work together, each with its location in the file."""
        return self.document.error(*problems)


def load(source: str | Path | Mapping[str, Any], changes: Iterable[str] = ()) -> Config:
    """Read and check a config (the path of a YAML file, or a dict), with changes such as ``optimizer.lr=3e-4``.

    Raises InvalidConfig with every problem found.
    """
    document = compose(source, changes)
    if is_sweep(document):
        folds = folds_of(document.content)
        if folds and SWEEP not in document.content:
            one = "data.fold: 1 makes a run of the first"
            document.add_problem(
                ("data", "folds"), f"{folds} folds are {folds} runs; lossreg sweep runs them, or {one}"
            )
        else:
            document.add_problem((SWEEP,), "this is a config of many runs; lossreg sweep runs it", at_key=True)
        document.raise_problems()
    return validate(document, config_name(source, document))


def is_sweep(document: Document) -> bool:
    """Whether a composed document is the config of a sweep, or of several folds, each of which is a run."""
    content = document.content
    return isinstance(content, Mapping) and (content.get(SWEEP) is not None or bool(folds_of(content)))


def folds_of(content: Mapping[str, Any]) -> int:
    """Into how many folds a config divides its data, each of which is a run; 0 if it does not, or names one of them."""
    data = content.get("data")
    folds = data.get("folds") if isinstance(data, Mapping) and data.get("fold") is None else None
    return folds if isinstance(folds, int) else 0


def validate(document: Document, name: str) -> Config:
    """Check a composed document; raises InvalidConfig with every problem found."""
    content = document.content
    if not isinstance(content, Mapping) or not content:
        document.raise_problems()
        found = "nothing" if not content else f"{shortened(repr(content))}"
        document.add_problem((), f"expected a mapping with {', '.join(PLUGIN_KEYS)}, got {found}")
        document.raise_problems()
    validator = ConfigValidator(document)
    validator.allow((), content, [*PLUGIN_KEYS, "train"])
    values: dict[str, Any] = validate_sum(validator, content)
    for key, registry in PLUGIN_KEYS.items():
        model = values.get("model")
        if key in values:
            continue
        if key == "optimizer" and model and model.component.boosted:
            values[key] = None
            validate_boosted(validator, model.name, content)
        elif key in content or key in DEFAULT_PLUGINS:
            given = content.get(key, DEFAULT_PLUGINS.get(key))
            values[key] = validator.plugin(registry, (key,), given, SETTINGS[key])
        else:
            installed = first_listed(registry.names(), f"lossreg list {registry.plural}")
            document.add_problem((), f"{key} is missing; installed: {installed}")
    if values.get("data"):
        validate_split(validator, values["data"].settings)
    values |= validate_other_keys(validator, content)
    validator.allow((), content, ["metrics", "report", "trackers", EXTENDS, SWEEP])
    values["metrics"] = validate_metrics(validator, content)
    values["report"] = validate_reported_losses(validator, content)
    given_trackers = enumerate(validator.items("trackers", content, "[tensorboard]"))
    values["trackers"] = tuple(
        validator.plugin(trackers, ("trackers", index), given, ()) for index, given in given_trackers
    )
    train = validate_training(validator, content.get("train"))
    validator.finish()
    if train["steps"] is None:
        train["epochs"] = train["epochs"] or DEFAULT_EPOCHS
    values.setdefault("terms", (values["loss"],))
    return Config(name=name, document=document, train=TrainingOptions(**train), **values)


def config_name(source: Any, document: Document) -> str:
    """The name of a config: that of its file, or for the config in a run's directory, that of the run."""
    with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
        path = Path(source).with_name("environment.json")
        status = path.lstat()  # it may be a pipe, or have no end
        is_usable = stat.S_ISREG(status.st_mode) and status.st_size <= LARGEST_ENVIRONMENT
        name = json.loads(path.read_bytes())["name"] if is_usable else None
        return name if isinstance(name, str) and name else document.name
    return document.name


def validate_split(validator: ConfigValidator, settings: Mapping[str, Any]) -> None:
    """Check the keys of `data` that split its rows: those that exclude each other, and the number of a fold."""
    problem, folds, fold = validator.document.add_problem, settings.get("folds"), settings.get("fold")
    if folds == 1:
        problem(("data", "folds"), "expected at least 2 folds, got 1")
    if folds and fold is None:
        problem(("data", "folds"), f"fold is missing: which of the {folds} folds has the test rows, from 1")
    if fold is not None and not 1 <= fold <= (folds or 0):
        problem(("data", "fold"), f"expected one of {folds} folds, got {fold}" if folds else "there are no folds")
    if folds and settings.get("test") != TEST_FRACTION:
        problem(("data", "test"), "the test rows are those of the fold; leave this out")
    for key in ("split_column", "split_time"):
        if folds and settings.get(key) is not None:
            problem(("data", key), "folds are drawn at random, or by split_group; leave out one of the two")
    if settings.get("split_column") is not None and settings.get("split_time") is not None:
        problem(("data", "split_time"), "split_column says already which rows are for what; leave out one of the two")


def validate_training(validator: ConfigValidator, given: Any) -> dict[str, Any]:
    """Check the key `train`."""
    document = validator.document
    if not isinstance(given, Mapping | None):
        document.add_problem(("train",), f"expected a mapping such as {{epochs: 10}}, got {shortened(repr(given))}")
        given = None
    options = validator.parameters(("train",), given or {}, TRAIN)
    if options.get("epochs") and options.get("steps"):
        document.add_problem(("train", "steps"), "give either epochs or steps; leave one out", at_key=True)
    return options
