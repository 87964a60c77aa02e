"""The plugin contract: one hook for each kind of plugin. A plugin is an object, usually a module, that has one."""

from __future__ import annotations

from inspect import isroutine
from types import ModuleType
from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker, PluginManager

if TYPE_CHECKING:
    from pluggy import HookimplOpts

    from lossreg.component import Data, Model, Optimizer, Schedule, Tracker
    from lossreg.definition import Loss

hookspec = HookspecMarker("lossreg")
hookimpl = HookimplMarker("lossreg")


class Contract(PluginManager):
    """Holds plugins to the hooks below."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> HookimplOpts | None:
        """Look for hooks among a module's functions alone: pluggy is slow at each name, as that may be a property."""
        if isinstance(plugin, ModuleType) and not isroutine(vars(plugin).get(name)):
            return None
        return super().parse_hookimpl_opts(plugin, name)


@hookspec
def lossreg_loss() -> Loss:  # type: ignore[empty-body]
    """Offer a loss (entry point group ``lossreg.losses``)."""


@hookspec
def lossreg_model() -> Model:  # type: ignore[empty-body]
    """Offer a model (entry point group ``lossreg.models``)."""


@hookspec
def lossreg_optimizer() -> Optimizer:  # type: ignore[empty-body]
    """Offer an optimizer (entry point group ``lossreg.optimizers``)."""


@hookspec
def lossreg_data() -> Data:  # type: ignore[empty-body]
    """Offer a data set (entry point group ``lossreg.data``)."""


@hookspec
def lossreg_schedule() -> Schedule:  # type: ignore[empty-body]
    """Offer a schedule (entry point group ``lossreg.schedules``)."""


@hookspec
def lossreg_tracker() -> Tracker:  # type: ignore[empty-body]
    """Offer a tracker (entry point group ``lossreg.trackers``)."""
