"""The registry: finds a plugin by name, loads that one and no other, and explains every failure.

One `Registry` for each kind of plugin. What is installed is read from entry points, without importing anything; a
plugin is imported when it is asked for, and held to the contract alone, so that whatever is wrong with it stays its own
trouble. An author may also `register` an object at run time.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from lossreg.definition.component import Component, Data, Model, Optimizer, Schedule, Tracker, locate
from lossreg.definition.loss import Loss
from lossreg.errors import AmbiguousName, BrokenPlugin, InvalidType, UnknownName, listed, nearest
from lossreg.registry.entry_points import Point, entry_points, folded

if TYPE_CHECKING:
    from lossreg.definition.hooks import Contract

Product = TypeVar("Product", bound=Component)

RUNTIME = "runtime"


@dataclass(frozen=True)
class Offer(Generic[Product]):
    """A name that is offered, and by whom: an installed distribution's entry point, or an object given at run time."""

    name: str
    distribution: str
    version: str = ""
    value: str = ""
    given: Product | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@lru_cache(1)
def points(*_: str) -> list[Point]:
    """The entry points on a path of modules, read once for all groups."""
    return entry_points("lossreg.")


def enabled() -> list[Point]:
    """The entry points of all distributions but those that LOSSREG_DISABLE_PLUGINS names."""
    disabled = {folded(name) for name in os.environ.get("LOSSREG_DISABLE_PLUGINS", "").split(",")}
    return [point for point in points(*sys.path) if folded(point.distribution) not in disabled]


class Registry(Generic[Product]):
    """The plugins of one kind."""

    def __init__(self, group: str, product: type[Product]) -> None:
        self.group = group
        self.product = product
        self.kind = product.__name__.lower()
        self._given: dict[str, Offer[Product]] = {}
        self._loaded: dict[Offer[Product], Product] = {}

    @cached_property
    def _installed(self) -> list[Offer[Product]]:
        return [
            Offer(point.name, point.distribution, point.version, point.value)
            for point in enabled()
            if point.group == self.group
        ]

    def offers(self) -> list[Offer[Product]]:
        """Everything offered, by name and then by distribution; imports no plugin."""
        return sorted([*self._installed, *self._given.values()], key=lambda offer: (offer.name, offer.distribution))

    def names(self) -> list[str]:
        """The names offered, sorted; imports no plugin."""
        return sorted({offer.name for offer in self.offers()})

    def find(self, name: str) -> Offer[Product]:
        """Who offers `name`; ``distribution:name`` picks one of several. Imports no plugin.

        A name is matched exactly, or else without regard to case, underscores and a final "Loss", which makes
        PyTorch's class names find theirs. Raises UnknownName or AmbiguousName.
        """
        if not isinstance(name, str):
            raise InvalidType(f"expected the name of a {self.kind}, got {name!r}")
        distribution, _, bare = name.rpartition(":")
        offers = [o for o in self.offers() if not distribution or folded(o.distribution) == folded(distribution)]
        matches = [o for o in offers if o.name == bare] or [o for o in offers if essence(o.name) == essence(bare)]
        if len(matches) == 1:
            return matches[0]
        if not matches:
            hint = nearest(bare, {offer.name for offer in offers})
            raise UnknownName(
                f"no {self.kind} named {name!r} is installed" + (hint and f"; {hint}") + f"; installed: "
                f"{listed({offer.name for offer in self.offers()})}",
            )
        picks = " or ".join(repr(f"{offer.distribution}:{offer.name}") for offer in matches)
        raise AmbiguousName(
            f"{self.kind} {name!r} is offered by {' and by '.join(map(str, matches))}; choose one with {picks}",
        )

    def get(self, name: str) -> Product:
        """The plugin of that name, imported if it has not been; raises UnknownName, AmbiguousName or BrokenPlugin."""
        return self.load(self.find(name))

    def load(self, offer: Offer[Product]) -> Product:
        """The object behind an offer; raises BrokenPlugin, which names the distribution and the cause."""
        if offer.given is not None:
            return offer.given
        if offer not in self._loaded:
            try:
                self._loaded[offer] = self._import(offer.name, offer.value)
            except (Exception, SystemExit) as error:
                where = f" ({offer.name} = {offer.value!r})"
                cause = str(error) if isinstance(error, BrokenPlugin) else f"{type(error).__name__}: {error}"
                raise BrokenPlugin(f"{self.kind} {offer.name!r} of {offer} cannot be used{where}: {cause}") from error
        return self._loaded[offer]

    def _import(self, name: str, value: str) -> Product:
        module, _, inner = value.partition("[")[0].replace(" ", "").partition(":")
        manager, plugin = contract(), locate(module, inner) if inner else import_module(module)
        try:
            manager.register(plugin)
            manager.check_pending()
            answers = manager.hook.lossreg_component()
        except BaseException:
            contract.cache_clear()  # a plugin that fails half way stays registered
            raise
        manager.unregister(plugin)
        if len(answers) != 1:
            raise BrokenPlugin("it has no lossreg_component hook that answers")
        if not isinstance(answers[0], self.product):
            raise BrokenPlugin(f"lossreg_component answers {answers[0]!r}, expected a {self.product.__name__}")
        if answers[0].name != name:
            raise BrokenPlugin(f"its entry point is named {name!r} but it answers {answers[0].name!r}")
        return answers[0]

    def register(self, given: Product) -> Product:
        """Offer an object at run time, as in a notebook; the same name again replaces the earlier object.

        Beside an installed plugin of the same name, ``runtime:name`` picks this one. Raises InvalidType for anything
        but what the decorator of this kind makes.
        """
        if not isinstance(given, self.product):
            raise InvalidType(f"expected a {self.kind} made by @{self.kind}, got {given!r}")
        self._given[given.name] = Offer(given.name, RUNTIME, given=given)
        return given


@cache
def contract() -> Contract:
    """The manager that holds one plugin at a time to the hooks, so that what is wrong with one is no other's."""
    from lossreg.definition import hooks

    manager = hooks.Contract("lossreg")
    manager.add_hookspecs(hooks)
    return manager


def essence(name: str) -> str:
    """A name without case, underscores and a final "Loss" or "WithLoss": equal for KLDivLoss and kl_div."""
    return re.sub(r"(with)?loss$", "", name.replace("_", "").lower())


losses = Registry("lossreg.losses", Loss)
models = Registry("lossreg.models", Model)
optimizers = Registry("lossreg.optimizers", Optimizer)
data = Registry("lossreg.data", Data)
schedules = Registry("lossreg.schedules", Schedule)
trackers = Registry("lossreg.trackers", Tracker)
REGISTRIES: tuple[Registry[Any], ...] = (losses, models, optimizers, data, schedules, trackers)


def unread() -> list[str]:
    """The groups of entry points that would be ours and that no registry reads, each in words, with whose it is."""
    groups = [registry.group for registry in REGISTRIES]
    told = []
    for distribution, group in sorted({(f"{p.distribution} {p.version}", p.group) for p in enabled()}):
        if group not in groups:
            hint = nearest(group, groups)
            told.append(
                f"{distribution} has entry points in the group {group!r}, which nothing reads"
                + (hint and f"; {hint}")
                + f"; there are {listed(groups)}"
            )
    return told


def register(component: Component) -> Component:
    """Offer a component at run time in the registry of its kind; raises InvalidType for anything else."""
    suitable = next((registry for registry in REGISTRIES if isinstance(component, registry.product)), None)
    if suitable is None:
        kinds = ", ".join(f"@{registry.kind}" for registry in REGISTRIES)
        raise InvalidType(f"expected what one of {kinds} makes, got {component!r}")
    suitable.register(component)
    return component
