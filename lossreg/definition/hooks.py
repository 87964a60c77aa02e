"""The plugin contract: a plugin is an object, usually a module, that implements the hook below."""

from __future__ import annotations

from inspect import isroutine
from types import ModuleType
from typing import TYPE_CHECKING

from pluggy import HookimplMarker, HookspecMarker, PluginManager

if TYPE_CHECKING:
    from pluggy import HookimplOpts

    from lossreg.definition.component import Component

hookspec = HookspecMarker("lossreg")
hookimpl = HookimplMarker("lossreg")


class Contract(PluginManager):
    """Validates plugins against the hook below."""

    def parse_hookimpl_opts(self, plugin: object, name: str) -> HookimplOpts | None:
        """Look for hooks among a module's functions only; pluggy inspects every attribute, which is slow."""
        if isinstance(plugin, ModuleType) and not isroutine(vars(plugin).get(name)):
            return None
        return super().parse_hookimpl_opts(plugin, name)


@hookspec
def lossreg_component() -> Component:  # type: ignore[empty-body]
    """Return the plugin's component; the group of its entry point says of which kind it is."""
