"""A run's config: six nouns (data, model, optimizer, schedule, loss, reduction), how to train, and a seed.

    data: {name: digits, test: 0.25, validation: 0.1, standardise: true}
    model: {name: mlp, hidden: [64]}
    optimizer: {name: adam, lr: 0.001}
    schedule: constant                                      # of the learning rate; constant unless given
    loss: cross_entropy
    reduction: mean                                         # mean, sum or batchmean
    train: {epochs: 30, batch_size: 64, shuffle: true}      # epochs or steps
    seed: 0

A bare name is a mapping with only a `name`. Beside a plugin's parameters, `data` takes `test` and `validation` (the
parts of the rows to test on, and to watch while training) and `standardise` (by the training rows' mean and deviation),
and `model` takes `inputs` and `outputs`, which follow from data and loss and are only checked. `Training` has what
`train` takes. All errors are found before any work, and raised together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lossreg.domains import Count, Fraction, Positive, Whole
from lossreg.errors import InvalidParameter, LossregError, listed, nearest
from lossreg.experiment.document import Document, KeyPath
from lossreg.parameters import Parameter
from lossreg.registry import Offer, data, losses, models, optimizers, schedules

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lossreg.errors import InvalidConfig

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
    ),
    "model": (Parameter("inputs", Count | None, None), Parameter("outputs", Count | None, None)),
    "optimizer": (),
    "schedule": (),
    "loss": (),
}
TRAIN = (
    Parameter("epochs", Count | None, None),
    Parameter("steps", Count | None, None),
    Parameter("batch_size", Count, 32),
    Parameter("shuffle", bool, default=True),
    Parameter("accumulate", Count, 1),
    Parameter("clip_norm", Positive | None, None),
    Parameter("clip_value", Positive | None, None),
    Parameter("patience", Count | None, None),
    Parameter("restore_best", bool, default=False),
    Parameter("checkpoint_epochs", Count | None, None),
    Parameter("checkpoint_steps", Count | None, None),
    Parameter("keep_checkpoints", Count, 2),
)
REST = (
    Parameter("reduction", Literal["mean", "sum", "batchmean"], "mean"),
    Parameter("seed", Whole, 0),
)
EPOCHS = 10


@dataclass(frozen=True)
class Choice:
    """A plugin that a config names: its parameters, and the run's own settings beside them."""

    name: str
    offer: Offer[Any]
    component: Any
    parameters: dict[str, Any]
    settings: dict[str, Any]

    def resolved(self) -> dict[str, Any]:
        """The plugin with everything filled in, as a config has it."""
        return {"name": self.name, **self.settings, **self.parameters}


@dataclass(frozen=True)
class Training:
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
    data: Choice
    model: Choice
    optimizer: Choice
    schedule: Choice
    loss: Choice
    reduction: str
    train: Training
    seed: int
    document: Document = field(repr=False)

    @property
    def choices(self) -> dict[str, Choice]:
        """The plugins, by noun."""
        return {noun: getattr(self, noun) for noun in NOUNS}

    def resolved(self) -> dict[str, Any]:
        """The config with every default filled in; a run of it is the same run."""
        nouns = {noun: choice.resolved() for noun, choice in self.choices.items()}
        return {**nouns, "reduction": self.reduction, "train": asdict(self.train), "seed": self.seed}

    def error(self, *problems: tuple[KeyPath, str]) -> InvalidConfig:
        """Make the error of a config that cannot work, with the place in the file of each value to change."""
        return self.document.error(*problems)


def load(source: str | Path | Mapping[str, Any]) -> Config:
    """Read and check a config (the path of a YAML file, or a dict). Raises InvalidConfig with every problem found."""
    document = Document.read(source)
    content = document.content
    if not isinstance(content, Mapping) or not content:
        found = "nothing" if not content else f"{content!r}"
        document.report((), f"expected a mapping with {', '.join(NOUNS)}, got {found}")
        document.check()
    unknown(document, (), content, [*NOUNS, "train", *(parameter.name for parameter in REST)])
    choices = {noun: choose(document, noun, content) for noun in NOUNS}
    rest = section(document, (), content, REST)
    train = content.get("train")
    if not isinstance(train, Mapping | None):
        document.report(("train",), f"expected a mapping such as {{epochs: 10}}, got {train!r}")
        train = {}
    unknown(document, ("train",), train or {}, [parameter.name for parameter in TRAIN])
    training = section(document, ("train",), train or {}, TRAIN)
    if training.get("epochs") and training.get("steps"):
        document.report(("train", "steps"), "epochs or steps, not both; leave one out", at_key=True)
    document.check()
    if training["steps"] is None:
        training["epochs"] = training["epochs"] or EPOCHS
    return Config(name=document.name, **choices, **rest, train=Training(**training), document=document)


def choose(document: Document, noun: str, content: Mapping[str, Any]) -> Any:
    """Make the choice of one noun's plugin, and report whatever is wrong with it."""
    registry = NOUNS[noun]
    given = content.get(noun, USUAL.get(noun))
    if noun not in content and given is None:
        document.report((), f"{noun} is missing; installed: {listed(registry.names())}")
        return None
    path: KeyPath = (noun,)
    if isinstance(given, Mapping):
        path = (noun, "name")
    else:
        given = {"name": given}
    if given.get("name") is None:
        document.report((noun,), f"name is missing; installed: {listed(registry.names())}")
        return None
    try:
        offer = registry.find(given["name"])
        component = registry.load(offer)
    except LossregError as error:
        document.report(path, str(error))
        return None
    settings, parameters = SETTINGS[noun], component.parameters
    known = [parameter.name for parameter in (*settings, *parameters)]
    unknown(document, (noun,), given, ["name", *known])
    qualified = f"{offer.distribution}:{offer.name}" if ":" in given["name"] else offer.name
    bound = [section(document, (noun,), given, part) for part in (parameters, settings)]
    return Choice(qualified, offer, component, *bound)


def unknown(document: Document, path: KeyPath, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Report the keys that nothing takes, each with the nearest one."""
    known = list(known)
    for key in given:
        if key not in known:
            hint = nearest(str(key), known) or f"allowed: {', '.join(known)}"
            document.report((*path, key), f"unknown key; {hint}", at_key=True)


def section(
    document: Document,
    path: KeyPath,
    given: Mapping[str, Any],
    parameters: Iterable[Parameter],
) -> dict[str, Any]:
    """Check what was given for some parameters, report each that is bad, and fill in the defaults."""
    bound: dict[str, Any] = {}
    for parameter in parameters:
        name = parameter.name
        if name not in given and parameter.required:
            document.report(path, f"{name} is missing: {parameter.allowed}")
        try:
            arrays = path == ("loss",)
            bound[name] = accept(parameter, given[name], arrays=arrays) if name in given else parameter.default
        except InvalidParameter as error:
            document.report((*path, name), str(error).removeprefix(f"{name}: "))
    return bound


def accept(parameter: Parameter, value: Any, *, arrays: bool) -> Any:
    """Give a value in its plain form, or raise InvalidParameter; `arrays` allows lists where there may be a number."""
    try:
        return parameter.accept(value)
    except InvalidParameter:
        items = value.tolist() if hasattr(value, "tolist") else value
        if not (arrays and parameter.domain and isinstance(items, list | tuple)):
            raise
        return [accept(parameter, item, arrays=True) for item in items]
