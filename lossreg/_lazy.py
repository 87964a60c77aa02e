"""Names that a module exports and that are imported from elsewhere when they are first used."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def lazy(module: str, exports: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a module that exports names from other modules.

    `exports` maps each name to the module that defines it, or to its own path if the name is that of a module.
    """

    def __getattr__(name: str) -> Any:  # noqa: N807  it is the module's
        if name not in exports:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        home = import_module(exports[name])
        value = home if exports[name] == f"{module}.{name}" else getattr(home, name)
        setattr(sys.modules[module], name, value)
        return value

    return __getattr__
