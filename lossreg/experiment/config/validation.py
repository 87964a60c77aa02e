"""What a config chooses: its plugins and numbers, each checked, and every mistake reported at its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter, LossregError, listed, nearest
from lossreg.experiment.config.yaml_document import dotted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.parameters import Parameter
    from lossreg.experiment.config.yaml_document import Document, KeyPath
    from lossreg.registry.registries import Offer


@dataclass(frozen=True)
class PluginConfig:
    """A plugin that a config names: its parameters, and the run's own settings beside them."""

    kind: str
    name: str
    offer: Offer[Any]
    component: Any
    parameters: dict[str, Any]
    settings: dict[str, Any]

    def resolved(self) -> dict[str, Any]:
        """The plugin with everything filled in, as a config has it."""
        return {"name": self.name, **self.settings, **self.parameters}


class ConfigValidator:
    """Reads one document. Keys that nothing takes are reported in the end, when it is known what takes which."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.sections: dict[KeyPath, tuple[Mapping[str, Any], list[str]]] = {}

    def choice(self, registry: Any, path: KeyPath, given: Any, settings: Iterable[Parameter]) -> PluginConfig | None:
        """Read the choice of a plugin, by name or as a mapping with a name; None where it cannot be used."""
        report, at = self.document.report, path
        if isinstance(given, Mapping):
            at = (*path, "name")
        else:
            given = {"name": given}
        if given.get("name") is None:
            report(path, f"name is missing; installed: {listed(registry.names())}")
            return None
        try:
            offer = registry.find(given["name"])
            component = registry.load(offer)
        except LossregError as error:
            report(at, str(error))
            return None
        self.known(path, given, ["name"])
        own = self.section(path, given, component.parameters, limits=registry.kind == "loss")
        beside = self.section(path, given, settings)
        qualified = f"{offer.distribution}:{offer.name}" if ":" in given["name"] else offer.name
        return PluginConfig(registry.kind, qualified, offer, component, own, beside)

    def section(
        self,
        path: KeyPath,
        given: Mapping[str, Any],
        parameters: Iterable[Parameter],
        *,
        limits: bool = False,
    ) -> dict[str, Any]:
        """Check what is given for some parameters, report each that is bad, and fill in the defaults."""
        bound: dict[str, Any] = {}
        for parameter in parameters:
            name = parameter.name
            if name not in given and parameter.required:
                self.document.report(path, f"{name} is missing: {parameter.allowed}")
            try:
                bound[name] = accept(parameter, given[name], limits=limits) if name in given else parameter.default
            except InvalidParameter as error:
                self.document.report((*path, name), str(error).removeprefix(f"{name}: "))
            self.known(path, given, [name])
        return bound

    def items(self, key: str, content: Mapping[str, Any], example: str) -> list[Any]:
        """Read a list; none where there is nothing."""
        given = content.get(key)
        if not isinstance(given, list | tuple | None):
            self.document.report((key,), f"expected a list such as {example}, got {given!r}")
            given = None
        return list(given or ())

    def known(self, path: KeyPath, given: Mapping[str, Any], names: Iterable[str]) -> None:
        """Take note of keys that the mapping at a path may have."""
        self.sections.setdefault(path, (given, []))[1].extend(names)

    def finish(self) -> None:
        """Report the keys that nothing takes, each with where it belongs or the nearest one; raise what was found."""
        for path, (given, known) in self.sections.items():
            for key in given:
                if key in known:
                    continue
                others = (dotted((*other, key)) for other, (_, names) in self.sections.items() if key in names)
                place = next(others, None) if key != "name" else None
                hint = f"did you mean {place!r}?" if place else nearest(str(key), known)
                told = hint or f"allowed: {', '.join(known)}"
                self.document.report((*path, key), f"unknown key; {told}", at_key=True)
        self.document.check()


def accept(parameter: Parameter, value: Any, *, limits: bool) -> Any:
    """Give a value in its plain form, or raise InvalidParameter; `limits` allows inf, as losses do, of a formula."""
    try:
        plain = parameter.accept(value)
    except InvalidParameter:
        if not (parameter.accepts_array and isinstance(value, list) and value):
            raise
        return [accept(parameter, item, limits=limits) for item in value]
    if plain in (inf, -inf) and not limits:
        raise InvalidParameter(f"{parameter.name}: expected {parameter.allowed}, and finite, got {value!r}")
    return plain
