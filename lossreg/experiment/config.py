"""A run's config: five nouns (data, model, optimizer, loss, reduction), how to train, and a seed.

    data: {name: digits, test: 0.25, standardise: true}
    model: {name: mlp, hidden: [64]}
    optimizer: {name: adam, lr: 0.001}
    loss: cross_entropy
    reduction: mean                                         # mean, sum or batchmean
    train: {epochs: 30, batch_size: 64, shuffle: true}      # epochs or steps
    seed: 0
    trackers: [tensorboard]                                 # none unless given

A bare name is a mapping with only a `name`. Beside a plugin's parameters, `data` takes `test` (the part of the rows to
test on) and `standardise` (by the training rows' mean and deviation), and `model` takes `inputs` and `outputs`, which
follow from data and loss and are only checked. All errors are found before any work, and raised together.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from lossreg.domains import Count, Fraction, Whole
from lossreg.errors import InvalidParameter, LossregError, listed, nearest
from lossreg.experiment.document import Document, KeyPath
from lossreg.parameters import Parameter
from lossreg.registry import Offer, data, losses, models, optimizers, trackers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lossreg.errors import InvalidConfig

NOUNS: dict[str, Any] = {"data": data, "model": models, "optimizer": optimizers, "loss": losses}

SETTINGS: dict[str, tuple[Parameter, ...]] = {
    "data": (Parameter("test", Fraction, 0.25), Parameter("standardise", bool, default=False)),
    "model": (Parameter("inputs", Count | None, None), Parameter("outputs", Count | None, None)),
    "optimizer": (),
    "loss": (),
}
TRAIN = (
    Parameter("epochs", Count | None, None),
    Parameter("steps", Count | None, None),
    Parameter("batch_size", Count, 32),
    Parameter("shuffle", bool, default=True),
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
    """How to train: for so many epochs or steps, in batches of so many rows."""

    epochs: int | None
    steps: int | None
    batch_size: int
    shuffle: bool


@dataclass(frozen=True)
class Config:
    """A config that has been checked, with every default filled in."""

    name: str
    data: Choice
    model: Choice
    optimizer: Choice
    loss: Choice
    reduction: str
    train: Training
    seed: int
    trackers: tuple[Choice, ...]
    document: Document = field(repr=False)

    @property
    def choices(self) -> dict[str, Choice]:
        """The plugins, by noun."""
        return {noun: getattr(self, noun) for noun in NOUNS}

    def resolved(self) -> dict[str, Any]:
        """The config with every default filled in; a run of it is the same run."""
        nouns = {noun: choice.resolved() for noun, choice in self.choices.items()}
        rest = {"reduction": self.reduction, "train": asdict(self.train), "seed": self.seed}
        return {**nouns, **rest, "trackers": [choice.resolved() for choice in self.trackers]}

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
    unknown(document, (), content, [*NOUNS, "train", "trackers", *(parameter.name for parameter in REST)])
    choices = {noun: choose(document, noun, content) for noun in NOUNS}
    told = content.get("trackers") or ()
    if not isinstance(told, list | tuple):
        document.report(("trackers",), f"expected a list such as [tensorboard], got {told!r}")
        told = ()
    followers = tuple(pick(document, trackers, ("trackers", index), given) for index, given in enumerate(told))
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
    made = {"name": document.name, **choices, **rest, "trackers": followers}
    return Config(**made, train=Training(**training), document=document)


def choose(document: Document, noun: str, content: Mapping[str, Any]) -> Any:
    """Make the choice of one noun's plugin, and report whatever is wrong with it."""
    if noun not in content:
        document.report((), f"{noun} is missing; installed: {listed(NOUNS[noun].names())}")
        return None
    return pick(document, NOUNS[noun], (noun,), content[noun], SETTINGS[noun])


def pick(document: Document, registry: Any, path: KeyPath, given: Any, settings: Iterable[Parameter] = ()) -> Any:
    """Make the choice of a plugin that stands at a path, and report whatever is wrong with it."""
    at = path
    if isinstance(given, Mapping):
        at = (*path, "name")
    else:
        given = {"name": given}
    if given.get("name") is None:
        document.report(path, f"name is missing; installed: {listed(registry.names())}")
        return None
    try:
        offer = registry.find(given["name"])
        component = registry.load(offer)
    except LossregError as error:
        document.report(at, str(error))
        return None
    parameters = component.parameters
    known = [parameter.name for parameter in (*settings, *parameters)]
    unknown(document, path, given, ["name", *known])
    qualified = f"{offer.distribution}:{offer.name}" if ":" in given["name"] else offer.name
    bound = [section(document, path, given, part) for part in (parameters, settings)]
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
