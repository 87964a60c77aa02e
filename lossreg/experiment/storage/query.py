"""Find runs by name, select them by conditions on their values, and sort them."""

from __future__ import annotations

import operator
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidInput, UnknownName, listed, nearest
from lossreg.experiment.config.yaml_document import Document, Location
from lossreg.experiment.storage import files
from lossreg.experiment.storage.marked_directories import is_own
from lossreg.experiment.storage.records import higher_is_better, number
from lossreg.experiment.storage.runs import STATUSES, Run, is_run, runs_in
from lossreg.experiment.storage.schemas import is_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

CONDITION = re.compile(r"([^=!<>]+)(=|!=|<=|>=|<|>)(.+)")
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
LAST = re.compile(r"last(?:~([0-9]{1,9}))?")
MISSING: Any = object()
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
SOME = 5


def root_of(given: str | Path | None) -> Path:
    """The directory of runs; raises UnknownName if it is not a directory."""
    root = files.root_of(given)
    if not root.is_dir():
        raise UnknownName(f"no directory {str(root)!r}; runs are looked for in {files.PLACES}")
    return root


def find(names: Iterable[str], root: str | Path | None, *, only_sweeps: bool = False) -> list[Run]:
    """The runs of these names, each once: a path, the beginning or end of a directory's name, `last`, or `last~1`.

    The name or path of a directory stands for all runs in it; with `only_sweeps`, only that of a sweep does.
    """
    found: dict[Path, Run] = {}
    runs: list[Run] | None = None
    for name in names:
        if not name.strip("/" + os.sep):  # such as "$RUN" where there is no such variable; every name begins with it
            raise UnknownName(f"no run {name!r}; expected a name or a path")
        path, folder = Path(name), folder_named(name, root)
        if path.is_dir() and is_run(path.resolve()):
            named = [Run(path)]
        else:
            named = runs_in(folder) if name and folder.is_dir() and (is_own(folder, "sweep") or not only_sweeps) else []
        if not named:
            runs = runs_in(root_of(root)) if runs is None else runs
            named = [find_one(name, runs)]
        for run in named:
            found.setdefault(run.path.resolve(), run)
    return list(found.values())


def folder_named(name: str, root: str | Path | None) -> Path:
    """The directory that a name stands for: a path, or a directory in that of runs; it need not exist."""
    path = Path(name)
    return path if path.is_dir() else files.root_of(root) / name


def find_one(name: str, runs: list[Run]) -> Run:
    """The only run of a name; raises UnknownName if there is none, or more than one."""
    if not runs and not Path(name).is_dir():
        raise UnknownName(f"no run {name!r}; there are no runs yet")
    match = LAST.fullmatch(name)
    if match:
        before = int(match[1] or 0)
        if before >= len(runs):
            raise UnknownName(f"no run {name!r}; there are {len(runs)}")
        return runs[-1 - before]
    plain = name.rstrip("/" + os.sep)
    matches = [run for run in runs if plain in (run.id, run.name)]
    matches = matches or [
        run
        for run in runs
        if run.id.startswith(plain)
        or run.id.endswith(plain)
        or run.name.startswith(plain)
        or f"{run.path.parent.name}/{run.name}".startswith(plain)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        some = ", ".join(run.id for run in matches[:SOME]) + (", ..." if len(matches) > SOME else "")
        raise UnknownName(f"{name!r} begins or ends the names of {len(matches)} runs: {some}; write more of it")
    if Path(name).is_dir():
        raise UnknownName(f"{name}: is the directory of neither a run nor a sweep")
    hint = nearest(plain, {word for run in runs for word in (run.id, run.name, run.path.parent.name)})
    raise UnknownName(f"no run {name!r}; " + (hint or f"`lossreg runs` lists the {len(runs)} there are"))


@dataclass(frozen=True)
class Condition:
    """A condition such as ``test_loss<0.1``; with = and != the value may be a list of alternatives, as in ``a,b``."""

    key: str
    operator: str
    values: tuple[Any, ...]

    @classmethod
    def read(cls, text: str) -> Condition:
        """Parse a condition; raises InvalidInput for anything else."""
        match = CONDITION.fullmatch(text)
        if not match:
            raise InvalidInput(f"--where {text!r}: expected a key, one of {', '.join(COMPARE)}, and a value")
        key, sign, value = (part.strip() for part in match.groups())
        if key == "age":
            return cls(key, sign, (seconds(value),))
        several = value.split(",") if sign in ("=", "!=") and not value.startswith(("[", "{")) else [value]
        return cls(key, sign, tuple(number(scalar(one)) for one in several))

    def holds(self, run: Run) -> bool:
        """Whether the condition holds for a run; without a value that can be compared, only != does."""
        given = run.values.get(self.key)
        if self.operator in ("=", "!="):
            several = given if self.key == "tag" and isinstance(given, list) else [given]
            found = any(one in self.values or str(one) in map(str, self.values) for one in several)
            return found == (self.operator == "=")
        (value,) = self.values
        try:
            return given is not None and bool(COMPARE[self.operator](given, value))
        except TypeError:
            return False


def select(runs: Sequence[Run], conditions: Iterable[str]) -> list[Run]:
    """The runs for which all conditions hold; raises UnknownName or InvalidInput for a condition that cannot hold."""
    read = [Condition.read(text) for text in conditions]
    check_keys(runs, [condition.key for condition in read])
    for condition in read:
        check_values(runs, condition)
    return [run for run in runs if all(condition.holds(run) for condition in read)]


def differing(runs: Sequence[Run]) -> list[str]:
    """The config keys, dotted, whose values differ between runs; runs whose config cannot be read are ignored."""
    configs = [run.settings for run in runs if run.settings]
    keys = dict.fromkeys(key for config in configs for key in config)
    return [key for key in keys if any(config.get(key, MISSING) != configs[0].get(key, MISSING) for config in configs)]


def order(runs: Sequence[Run], key: str, *, reverse: bool = False) -> list[Run]:
    """The runs sorted by a value, numbers before text; in either direction, runs without one, or with nan, are last."""
    check_keys(runs, [key])

    def rank(run: Run) -> tuple[bool, Any]:
        value = run.values[key]
        return (False, value) if isinstance(value, int | float) else (True, str(value))

    known, rest = split_runs(runs, lambda run: is_ordered(run.values.get(key)))
    return sorted(known, key=rank, reverse=reverse) + rest


def best_last(runs: Sequence[Run], metric: str) -> list[Run]:
    """The runs from the worst to the best by a metric; those without a number, or with nan, are the worst."""
    check_keys(runs, [metric])
    known, rest = split_runs(runs, lambda run: is_number(run.values.get(metric)) and is_ordered(run.values[metric]))
    return rest + sorted(known, key=lambda run: run.values[metric], reverse=not higher_is_better(metric))


def split_runs(runs: Iterable[Run], has: Callable[[Run], bool]) -> tuple[list[Run], list[Run]]:
    """The runs that have something, and the others."""
    found: tuple[list[Run], list[Run]] = ([], [])
    for run in runs:
        found[0 if has(run) else 1].append(run)
    return found


def is_ordered(value: Any) -> bool:
    """Whether a value can be sorted: it exists, and is not nan."""
    return value is not None and value == value  # noqa: PLR0124  only nan differs from itself


def check_keys(runs: Sequence[Run], keys: Iterable[str]) -> None:
    """Raise UnknownName for a key that no run has, with the nearest one."""
    known = {key for run in runs for key in run.values}
    for key in keys:
        if runs and key not in known:
            raise UnknownName(
                f"no run has a {key!r}; " + (nearest(key, known) or f"there are {', '.join(sorted(known))}")
            )


def check_values(runs: Sequence[Run], condition: Condition) -> None:
    """Raise InvalidInput for text where the values of a key are numbers, and for a status that no run can have."""
    key = condition.key
    given = [run.values[key] for run in runs if run.values.get(key) is not None]
    statuses = {*STATUSES, *given} if key == "status" else set()
    for text in (value for value in condition.values if isinstance(value, str)):
        if given and all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
            raise InvalidInput(f"--where {key}: expected a number, such as {given[0]:.4g}, got {text!r}")
        if statuses and text not in statuses:
            hint = nearest(text, statuses)
            raise InvalidInput(
                f"--where {key}: expected one of {listed(statuses)}, got {text!r}" + (hint and f"; {hint}")
            )


def seconds(text: str) -> float:
    """A duration with its unit, such as 30m, 12h, 7d or 2w, in seconds; raises InvalidInput for anything else."""
    match = re.fullmatch(rf"([0-9]+(?:\.[0-9]+)?)([{''.join(UNITS)}])", text)
    if not match:
        units = ", ".join(UNITS)
        raise InvalidInput(f"--where age: expected a number and its unit, one of {units}, such as 7d; got {text!r}")
    return float(match[1]) * UNITS[match[2]]


def scalar(text: str) -> Any:
    """A value as a config writes it; what is not valid there is text."""
    document = Document("", None)
    document.parse(text, (), lambda *_: Location(""))
    return text if document.problems else document.content
