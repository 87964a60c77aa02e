"""The guides: which loss is the plain one of a task, and which ones are better where something goes wrong.

A distribution has a guide if an entry point in the group `lossreg.guides` names one of its packages, in which there is
a file `guide.yaml`. So the rules are data, and lossreg itself names no loss.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from lossreg.errors import UnknownName
from lossreg.registry.registries import GUIDES, enabled

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "guide.yaml"


@dataclass(frozen=True)
class PlainLoss:
    """The plain loss of a task: what it predicts and estimates; `key` is the task as it is recognized, if it is.

    also: other losses for it. data, train: the settings of a config that the task needs.
    """

    predicts: str
    loss: str
    estimates: str
    key: str = ""
    also: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Instead:
    """A loss to take where something goes wrong, for some tasks: its parameters, and settings of the data."""

    tasks: tuple[str, ...]
    loss: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """Something that may go wrong: the sign by which it is recognized, if it is, and what to do about it.

    study: the study in which that was measured. evidence: what it found, in half a sentence.
    """

    title: str
    prose: str
    sign: str = ""
    study: str = ""
    evidence: str = ""
    instead: tuple[Instead, ...] = ()


@dataclass(frozen=True)
class Guide:
    """The plain losses of tasks, the problems in the order in which they decide, and the rest of a config."""

    tasks: tuple[PlainLoss, ...]
    problems: tuple[Problem, ...]
    config: Mapping[str, Any]

    def plain(self, task: str) -> PlainLoss:
        """Return the plain loss of a task that is recognized; raises UnknownName if no guide has one."""
        found = next((plain for plain in self.tasks if plain.key == task), None)
        if found is None:
            raise UnknownName(
                f"no guide of an installed distribution has the task {task!r}; lossreg's own has it once lossreg is "
                "installed again, and if LOSSREG_DISABLE_PLUGINS does not name it"
            )
        return found


@cache
def guide() -> Guide:
    """Return the guides of all installed distributions as one."""
    tasks: list[PlainLoss] = []
    problems: list[Problem] = []
    config: dict[str, Any] = {}
    for point in enabled():
        if point.group == GUIDES:
            found = read(point.value)
            tasks += found.tasks
            problems += found.problems
            config |= found.config
    return Guide(tuple(tasks), tuple(problems), config)


def read(package: str) -> Guide:
    """Read the guide in a package."""
    from importlib.resources import files

    import yaml

    content = yaml.safe_load(files(package).joinpath(FILE).read_text("utf-8"))
    return Guide(
        tuple(PlainLoss(**{**entry, "also": tuple(entry.get("also", ()))}) for entry in content["tasks"]),
        tuple(
            Problem(**{**entry, "instead": tuple(instead(one) for one in entry.get("instead", ()))})
            for entry in content["problems"]
        ),
        content.get("config", {}),
    )


def instead(entry: Mapping[str, Any]) -> Instead:
    """Read one loss to take instead."""
    return Instead(**{**entry, "tasks": tuple(entry["tasks"])})
