"""The registries: find a plugin by name, load that one and no other, and explain what is wrong.

There is one `Registry` for each kind of plugin, and everything that lists or names kinds reads `REGISTRIES`. What is
installed is read from entry points, without importing anything. A plugin is imported when it is asked for, and whatever
is wrong with it affects no other. An author may also `register` an object at run time, or name a file.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Generic, NamedTuple

from lossreg.errors import AmbiguousName, BrokenPlugin, InvalidType, UnknownName, alternatives
from lossreg.registry.entry_points import Point, entry_points, normalized_distribution
from lossreg.registry.loading import SUFFIX, Kind, explain, load_component

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lossreg.definition.component import Component, Data, Metric, Model, Optimizer, Reduction, Schedule, Tracker
    from lossreg.definition.loss import Loss

RUNTIME = "runtime"
PREFIX = "lossreg."
ALIASES = "lossreg.aliases."
"""A group of entry points with the names that another library, which ends the group's name, has for plugins.

Their values are those of the plugins' own entry points.
"""
GUIDES = "lossreg.guides"
"""The group of entry points that name packages with a guide to their losses; lossreg.experiment.choosing reads them."""


class Offer(NamedTuple, Generic[Kind]):
    """A name and what offers it: an entry point of an installed distribution, or an object registered at run time."""

    name: str
    distribution: str
    version: str = ""
    value: str = ""
    registered: Kind | None = None

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@lru_cache(1)
def points(disabled: str, *_: str) -> list[Point]:
    """Return the entry points on a module path but those of disabled distributions; read once for all groups."""
    names = {normalized_distribution(name) for name in disabled.split(",")}
    return [point for point in entry_points(PREFIX) if normalized_distribution(point.distribution) not in names]


def enabled() -> list[Point]:
    """Return the entry points of all distributions except those that LOSSREG_DISABLE_PLUGINS names."""
    return points(os.environ.get("LOSSREG_DISABLE_PLUGINS", ""), *sys.path)


def libraries() -> list[str]:
    """Return the libraries of which names are known, sorted."""
    return sorted({point.group.removeprefix(ALIASES) for point in enabled() if point.group.startswith(ALIASES)})


class Registry(Generic[Kind]):
    """The plugins of one kind: those in a group of entry points, whose hooks return components of one class.

    The class is given by the module that it is in, and by its name.
    """

    def __init__(self, group: str, module: str, component: str) -> None:
        self.group = group
        self.kind = component.lower()
        self.plural = group.removeprefix(PREFIX)
        self._place = module, component
        self._registered: dict[str, Offer[Kind]] = {}
        self._loaded: dict[Offer[Kind], Kind] = {}

    @cached_property
    def component(self) -> type[Kind]:
        """The class of the components, imported when the first plugin is loaded: to list names takes no definition."""
        module, name = self._place
        component: type[Kind] = getattr(import_module(module), name)
        return component

    @cached_property
    def _installed(self) -> list[Offer[Kind]]:
        return [
            Offer(point.name, point.distribution, point.version, point.value)
            for point in enabled()
            if point.group == self.group
        ]

    def offers(self) -> list[Offer[Kind]]:
        """Return every offer, sorted by name and then by distribution; imports no plugin."""
        return sorted(
            [*self._installed, *self._registered.values()], key=lambda offer: (offer.name, offer.distribution)
        )

    def names(self) -> list[str]:
        """Return the names offered, sorted; imports no plugin."""
        return sorted({offer.name for offer in self.offers()})

    def find(self, name: str) -> Offer[Kind]:
        """Return the offer of a name, without importing the plugin; ``distribution:name`` picks one of several.

        A name is matched exactly, or else by its normalized name, so that PyTorch's class names work, or else as the
        name that another library has. The path of a Python file, such as ``./my_loss.py``, offers the plugin in it.
        Raises UnknownName or AmbiguousName.
        """
        if not isinstance(name, str):
            raise InvalidType(f"expected the name of a {self.kind}, got {name!r}")
        if name.endswith(SUFFIX):
            if not os.path.isfile(name):  # noqa: PTH113  importing pathlib takes longer than listing all names
                raise UnknownName(f"there is no file {name!r} to read a {self.kind} from")
            path = os.path.abspath(name)  # noqa: PTH100  as above
            return Offer(os.path.basename(path).removesuffix(SUFFIX), path, value=path)  # noqa: PTH119  as above
        distribution, _, bare = name.rpartition(":")
        wanted = normalized_distribution(distribution)
        offers = [o for o in self.offers() if not wanted or normalized_distribution(o.distribution) == wanted]
        matches = [o for o in offers if o.name == bare]
        matches = matches or [o for o in offers if normalized_name(o.name) == normalized_name(bare)]
        matches = matches or self.named_elsewhere(name)
        if len(matches) == 1:
            return matches[0]
        if not matches:
            known = alternatives(bare, self.names(), self.plural, f"lossreg list {self.plural}")
            raise UnknownName(f"no {self.kind} named {name!r} is installed; {known}")
        choices = " or ".join(repr(f"{offer.distribution}:{offer.name}") for offer in matches)
        raise AmbiguousName(
            f"{self.kind} {name!r} is offered by {' and by '.join(map(str, matches))}; choose one with {choices}",
        )

    def named_elsewhere(self, name: str) -> list[Offer[Kind]]:
        """Return the offers that another library has under a name."""
        return [o for o in self._installed if normalized_name(name) in map(normalized_name, self.aliases(o))]

    def aliases(self, offer: Offer[Kind], library: str = "") -> list[str]:
        """Return the names that other libraries, or one of them, have for an offer."""
        return sorted(
            {
                point.name
                for point in enabled()
                if point.group.startswith(ALIASES + library)
                and (point.distribution, point.value) == (offer.distribution, offer.value)
            }
        )

    def get(self, name: str) -> Kind:
        """Return the component of a name, loading it if necessary.

        Raises UnknownName, AmbiguousName or BrokenPlugin.
        """
        return self.load(self.find(name))

    def load(self, offer: Offer[Kind]) -> Kind:
        """Return the component of an offer, importing its plugin if necessary; raises BrokenPlugin.

        A KeyboardInterrupt passes, since it nearly always comes from the user.
        """
        if offer.registered is not None:
            return offer.registered
        if offer not in self._loaded:
            try:
                self._loaded[offer] = load_component(offer.name, offer.value, self.component)
            except KeyboardInterrupt:
                raise
            except BaseException as error:
                raise self.broken(offer, explain(error)) from error
        return self._loaded[offer]

    def broken(self, offer: Offer[Kind], cause: str) -> BrokenPlugin:
        """Return the error for an offer whose plugin cannot be used."""
        where = f"({offer.name} = {offer.value!r})"
        return BrokenPlugin(f"{self.kind} {offer.name!r} of {offer} cannot be used {where}: {cause}")

    def register(self, component: Kind) -> Kind:
        """Offer a component at run time, as in a notebook; the same name again replaces the earlier component.

        Beside an installed plugin of the same name, ``runtime:name`` picks this one. Raises InvalidType for anything
        that the decorator of this kind did not make.
        """
        if not isinstance(component, self.component):
            raise InvalidType(f"expected a {self.kind} made by @{self.kind}, got {component!r}")
        self._registered[component.name] = Offer(component.name, RUNTIME, registered=component)
        return component


def normalized_name(name: str) -> str:
    """Return a name in lower case, without underscores and a final "Loss" or "WithLoss".

    It is equal for KLDivLoss and kl_div.
    """
    return re.sub(r"(with)?loss$", "", name.replace("_", "").lower())


COMPONENTS = "lossreg.definition.component"
losses: Registry[Loss] = Registry("lossreg.losses", "lossreg.definition.loss", "Loss")
models: Registry[Model] = Registry("lossreg.models", COMPONENTS, "Model")
optimizers: Registry[Optimizer] = Registry("lossreg.optimizers", COMPONENTS, "Optimizer")
data: Registry[Data] = Registry("lossreg.data", COMPONENTS, "Data")
schedules: Registry[Schedule] = Registry("lossreg.schedules", COMPONENTS, "Schedule")
trackers: Registry[Tracker] = Registry("lossreg.trackers", COMPONENTS, "Tracker")
reductions: Registry[Reduction] = Registry("lossreg.reductions", COMPONENTS, "Reduction")
metrics: Registry[Metric] = Registry("lossreg.metrics", COMPONENTS, "Metric")
REGISTRIES: tuple[Registry[Any], ...] = (losses, models, optimizers, data, schedules, reductions, metrics, trackers)


def problems(registries: Iterable[Registry[Any]]) -> list[str]:
    """Describe what is wrong with the offers themselves: names offered twice in some registries, and unknown groups."""
    found = []
    groups = [registry.group for registry in REGISTRIES]
    for distribution, group in sorted({(f"{p.distribution} {p.version}", p.group) for p in enabled()}):
        if group not in [*groups, GUIDES] and not group.startswith(ALIASES):
            known = alternatives(group, groups, "groups")
            found.append(f"{distribution} has entry points in the group {group!r}, which nothing reads; {known}")
    for registry in registries:
        for name in registry.names():
            try:
                registry.find(name)
            except AmbiguousName as error:
                found.append(str(error))
            except UnknownName:
                found.append(f"{registry.kind} {name!r} cannot be used: a name has no ':' and does not end with .py")
    return found


def register(component: Component) -> Component:
    """Offer a component at run time in the registry of its kind; raises InvalidType for anything else."""
    suitable = next((registry for registry in REGISTRIES if isinstance(component, registry.component)), None)
    if suitable is None:
        decorators = ", ".join(f"@{registry.kind}" for registry in REGISTRIES)
        raise InvalidType(f"expected what one of {decorators} makes, got {component!r}")
    suitable.register(component)
    return component
