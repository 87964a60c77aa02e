"""Lazy exports: names of a module that are imported from another module when they are first used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy(module: str, exports: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module that exports names from other modules.

    `exports` maps each name to the module that defines it; the name of a sub-module is mapped to its own path.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807  it becomes the function of the module
        if name not in exports:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = import_module(exports[name])
        value = home if exports[name] == f"{module}.{name}" else getattr(home, name)
        setattr(sys.modules[module], name, value)
        return value

    return __getattr__
