"""Check the values of a config: plugins, parameters and unknown keys, each mistake with its location."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from lossreg.criterion.reductions import REDUCTIONS
from lossreg.errors import InvalidParameter, LossregError, UnknownName, first_listed, nearest, nearest_name
from lossreg.experiment.config.keys import OF_BATCHES, OTHER_KEYS
from lossreg.experiment.config.yaml_document import dotted
from lossreg.formatting import shortened
from lossreg.registry.loading import SUFFIX
from lossreg.registry.registries import reductions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.parameters import Parameter
    from lossreg.experiment.config.yaml_document import Document, KeyPath
    from lossreg.registry.registries import Offer


@dataclass(frozen=True)
class PluginConfig:
    """A plugin that a config chooses: its parameters, and the settings that all plugins of its key take."""

    kind: str
    name: str
    offer: Offer[Any]
    component: Any
    parameters: dict[str, Any]
    settings: dict[str, Any]

    @property
    def label(self) -> str:
        """The name of a reported loss, or of a term of a sum, in the metrics."""
        return self.settings["as"] or self.offer.name

    def short(self) -> dict[str, Any] | str:
        """The plugin as a config writes it, by a bare name if nothing else is given."""
        given = {key: value for key, value in self.resolved().items() if value is not None}
        return self.name if [*given] == ["name"] else given

    def resolved(self) -> dict[str, Any]:
        """The plugin as a config writes it, with all defaults filled in."""
        return {"name": self.name, **self.settings, **self.parameters}


SOME_KEYS = 20
"""How many unknown keys of a mapping are named; finding the nearest allowed key takes a millisecond each."""


class ConfigValidator:
    """Checks the values of a document, and collects the keys that are allowed, to find unknown ones at the end."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.sections: dict[KeyPath, tuple[Mapping[str, Any], list[str]]] = {}

    def plugin(self, registry: Any, path: KeyPath, given: Any, settings: Iterable[Parameter]) -> PluginConfig | None:
        """Check the choice of a plugin: a bare name, or a mapping with a name; None if it cannot be used."""
        name_path = path
        if isinstance(given, Mapping):
            name_path = (*path, "name")
        else:
            given = {"name": given}
        if given.get("name") is None:
            installed = first_listed(registry.names(), f"lossreg list {registry.plural}")
            self.document.add_problem(path, f"name is missing; installed: {installed}")
            self.parameters(path, given, settings)
            self.allow(path, given, given)  # without a name, its parameters are not known
            return None
        try:
            offer = registry.find(given["name"])
            component = registry.load(offer)
        except LossregError as error:
            self.document.add_problem(name_path, str(error))
            self.check_as_nearest(registry, path, given, settings)
            return None
        self.allow(path, given, ["name"])
        parameters = self.parameters(path, given, component.parameters, allow_infinite=registry.kind == "loss")
        shared = self.parameters(path, given, settings)
        qualified = f"{offer.distribution}:{offer.name}" if ":" in given["name"] else offer.name
        if given["name"].endswith(SUFFIX):  # by its absolute path, as the config of a run may be read from anywhere
            qualified = offer.value
        return PluginConfig(registry.kind, qualified, offer, component, parameters, shared)

    def check_as_nearest(
        self, registry: Any, path: KeyPath, given: Mapping[str, Any], settings: Iterable[Parameter]
    ) -> None:
        """Check the values beside a name that cannot be used: the settings, and the parameters of the nearest name."""
        parameters = list(settings)
        near = nearest_name(str(given["name"]), registry.names())
        with suppress(LossregError):
            parameters += registry.load(registry.find(near)).parameters if near else ()
        present = [parameter for parameter in parameters if parameter.name in given]
        self.parameters(path, given, present, allow_infinite=registry.kind == "loss")
        self.allow(path, given, given if not near else ["name", *(parameter.name for parameter in parameters)])

    def parameters(
        self,
        path: KeyPath,
        given: Mapping[str, Any],
        parameters: Iterable[Parameter],
        *,
        allow_infinite: bool = False,
    ) -> dict[str, Any]:
        """Check the values given for some parameters, and fill in the defaults."""
        bound: dict[str, Any] = {}
        for parameter in parameters:
            name = parameter.name
            if name not in given and parameter.required:
                self.document.add_problem(path, f"{name} is missing: {parameter.description}")
            try:
                bound[name] = (
                    accept(parameter, given[name], allow_infinite=allow_infinite)
                    if name in given
                    else parameter.default
                )
            except InvalidParameter as error:
                self.document.add_problem((*path, name), str(error).removeprefix(f"{name}: "))
            self.allow(path, given, [name])
        return bound

    def items(self, key: str, content: Mapping[str, Any], example: str) -> list[Any]:
        """Check that a key has a list; a missing key has an empty one."""
        given = content.get(key)
        if not isinstance(given, list | tuple | None):
            self.document.add_problem((key,), f"expected a list such as {example}, got {shortened(repr(given))}")
            given = None
        return list(given or ())

    def allow(self, path: KeyPath, given: Mapping[str, Any], names: Iterable[str]) -> None:
        """Allow some keys in the mapping at a path."""
        self.sections.setdefault(path, (given, []))[1].extend(names)

    def finish(self) -> None:
        """Add a problem for each unknown key, with the nearest key or its right place; raise InvalidConfig if any."""
        for path, (given, allowed) in self.sections.items():
            unknown = [key for key in given if key not in allowed]
            for key in unknown[:SOME_KEYS]:
                others = (dotted((*other, key)) for other, (_, names) in self.sections.items() if key in names)
                right_place = next(others, None) if key != "name" else None
                hint = f"did you mean {right_place!r}?" if right_place else nearest(str(key), allowed)
                hint = hint or f"allowed: {', '.join(allowed)}"
                self.document.add_problem((*path, key), f"unknown key; {hint}", at_key=True)
            if len(unknown) > SOME_KEYS:
                more = f"{len(unknown) - SOME_KEYS:,} more unknown keys"
                self.document.add_problem((*path, unknown[SOME_KEYS]), more, at_key=True)
        self.document.raise_problems()


def validate_other_keys(validator: ConfigValidator, content: Mapping[str, Any]) -> dict[str, Any]:
    """Check the keys at the top that are not sections; a reduction that is not built in is the choice of a plugin."""
    given = content.get("reduction")
    chosen = {}
    if chooses_reduction(given):
        chosen["reduction"] = validator.plugin(reductions, ("reduction",), given, ())
    others = [parameter for parameter in OTHER_KEYS if parameter.name not in chosen]
    validator.allow((), content, chosen)
    return {**validator.parameters((), content, others), **chosen}


def validate_boosted(validator: ConfigValidator, model: str, content: Mapping[str, Any]) -> None:
    """Check that a config with a boosted model leaves out what only the training of weights takes."""
    problem = validator.document.add_problem
    validator.allow((), content, ["optimizer"])
    if content.get("optimizer") is not None:
        problem(
            ("optimizer",),
            f"{model} adds trees and has no weights for an optimizer to update; leave this out or write null",
            at_key=True,
        )
    if content.get("reduction") not in (None, "mean"):
        problem(
            ("reduction",),
            f"{model} fits trees to the loss of each row, which is not reduced; leave this out",
            at_key=True,
        )
    train = content.get("train")
    for key in OF_BATCHES:
        if isinstance(train, Mapping) and train.get(key) is not None:
            problem(
                ("train", key),
                f"each round of {model} uses all training rows as they are; leave this out or write null",
                at_key=True,
            )


def chooses_reduction(given: Any) -> bool:
    """Whether a value of the key `reduction` chooses a plugin, or has a name that is close to one."""
    if isinstance(given, Mapping):
        return given.get("name") not in [*REDUCTIONS]
    if not isinstance(given, str) or given in REDUCTIONS:
        return False
    try:
        reductions.find(given)
    except LossregError as error:
        return not isinstance(error, UnknownName) or bool(nearest_name(given, reductions.names()))
    return True


def accept(parameter: Parameter, value: Any, *, allow_infinite: bool) -> Any:
    """Check a value, and return it as a plain number, text or list; raises InvalidParameter."""
    try:
        plain = parameter.accept(value)
    except InvalidParameter:
        if not (parameter.accepts_array and isinstance(value, list) and value):
            raise
        return [accept(parameter, item, allow_infinite=allow_infinite) for item in value]
    if plain in (inf, -inf) and not allow_infinite:
        raise InvalidParameter(f"{parameter.name}: expected {parameter.description}, and finite, got {value!r}")
    return plain
