"""Load one plugin: import its module or file, call its hook, and check what it returns against the contract."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from lossreg.errors import BrokenPlugin

if TYPE_CHECKING:
    from types import ModuleType

    from lossreg.definition.component import Component

Kind = TypeVar("Kind", bound="Component")

LONGEST_MESSAGE = 2000
SUFFIX = ".py"
"""What the path of a file with a plugin ends with."""


def load_component(name: str, value: str, kind: type[Kind]) -> Kind:
    """Return the component of a plugin: `value` is a module, module:object, or the path of a file.

    Raises BrokenPlugin if it does not match the contract, and whatever the plugin raises.
    """
    from lossreg.definition import hooks  # imports pluggy, which listing names does not need

    manager = hooks.Contract("lossreg")
    manager.add_hookspecs(hooks)
    manager.register(import_plugin(name, value))
    manager.check_pending()
    answers = manager.hook.lossreg_component()
    if len(answers) != 1:
        raise BrokenPlugin("it has no lossreg_component hook that returns a component")
    (component,) = answers
    if not isinstance(component, kind):
        raise BrokenPlugin(f"its lossreg_component returns {component!r}, expected a {kind.__name__}")
    if component.name != name:
        raise BrokenPlugin(f"its entry point is named {name!r}, but its component {component.name!r}")
    if not is_documented(component):
        raise BrokenPlugin("its docstring is not a string")
    return component


def import_plugin(name: str, value: str) -> object:
    """Import what has the hook: a module, an object in a module, or a file."""
    if value.endswith(SUFFIX):
        return import_file(name, value)
    from lossreg.definition.component import locate

    module, _, attribute = value.partition("[")[0].replace(" ", "").partition(":")
    return locate(module, attribute) if attribute else import_module(module)


def import_file(name: str, path: str) -> ModuleType:
    """Import a file as the module of a name, once; raises BrokenPlugin if another module has the name."""
    from importlib.util import module_from_spec, spec_from_file_location

    path = os.path.abspath(path)  # noqa: PTH100  importing pathlib takes longer than listing all names
    module = sys.modules.get(name)
    if module is not None and getattr(module, "__file__", None) == path:
        return module
    spec = spec_from_file_location(name, path)
    if module is not None or spec is None or spec.loader is None:
        raise BrokenPlugin(f"another module is named {name!r}; rename the file")
    sys.modules[name] = module = module_from_spec(spec)  # compiled code and pickles find the module by its name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def is_documented(component: Component) -> bool:
    """Return whether a component's documentation is text; a plugin may assign anything to `__doc__`."""
    try:
        return isinstance(component.doc, str)
    except AttributeError:
        return False


def explain(error: BaseException) -> str:
    """Return what an error raised by a plugin says, whatever the error is."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001  the plugin's own __str__ fails
        message = "its message cannot be shown"
    if message != message[:LONGEST_MESSAGE]:  # without a function that the plugin may have replaced
        message = f"{message[:LONGEST_MESSAGE]}..."
    return message if isinstance(error, BrokenPlugin) else f"{type(error).__name__}: {message}"
