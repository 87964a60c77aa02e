"""The summaries of lossreg's own plugins, kept between processes so that listing plugins imports none of them again.

They are kept beside lossreg's bytecode, one for each entry point, with the state of the files that it follows from: the
plugin's own, and those of lossreg.definition. Where that folder cannot be written, plugins are imported each time.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, NamedTuple

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  pathlib is slow to import
FILE = os.path.join(PACKAGE, "__pycache__", "summaries.json")  # noqa: PTH118  as above


class PluginSummary(NamedTuple):
    """What is kept of a plugin: the summary, a loss's task and sparkline, the file, and the file's state."""

    summary: str
    task: str
    sparkline: str
    file: str
    state: list[int]


def state_of(file: str) -> list[int]:
    """Return the time of change and the size of a file; raises OSError."""
    found = os.stat(file)  # noqa: PTH116  as above
    return [found.st_mtime_ns, found.st_size]


def definitions() -> list[list[int]]:
    """Return the state of the modules that read definitions."""
    with os.scandir(os.path.join(PACKAGE, "definition")) as entries:  # noqa: PTH118  as above
        return sorted(state_of(entry.path) for entry in entries if entry.name.endswith(".py"))


class Summaries:
    """The summaries that are kept, by entry point: `find` returns one that is current, `add` and `keep` write more."""

    def __init__(self) -> None:
        self._definitions = definitions()
        self._kept: dict[str, PluginSummary] = {}
        self._is_new = False
        with suppress(OSError, ValueError, TypeError, KeyError), open(FILE, encoding="utf-8") as file:  # noqa: PTH123
            kept = json.load(file)
            if kept["definitions"] == self._definitions:
                self._kept = {str(point): PluginSummary(*entry) for point, entry in kept["plugins"].items()}

    def find(self, point: str) -> PluginSummary | None:
        """Return the summary of an entry point; None if there is none, or if the plugin's file has changed."""
        entry = self._kept.get(point)
        with suppress(OSError, TypeError):
            if entry and state_of(entry.file) == entry.state:
                return entry
        return None

    def add(self, point: str, component: Any, sparkline: str) -> None:
        """Add the summary of the component of an entry point."""
        with suppress(OSError):
            file = component.file
            task = getattr(component, "task", "")
            self._kept[point] = PluginSummary(component.summary, task, sparkline, file, state_of(file))
            self._is_new = True

    def keep(self) -> None:
        """Write what was added; another process sees the file as it was or as it is now."""
        if not self._is_new:
            return
        temporary = f"{FILE}.{os.getpid()}"
        with suppress(OSError):
            os.makedirs(os.path.dirname(FILE), exist_ok=True)  # noqa: PTH103, PTH120  as above
            with open(temporary, "w", encoding="utf-8") as file:  # noqa: PTH123  as above
                json.dump({"definitions": self._definitions, "plugins": self._kept}, file)
            os.replace(temporary, FILE)  # noqa: PTH105  as above
