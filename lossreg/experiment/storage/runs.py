"""Read the directories of runs, however the runs ended.

A process may have been killed at any moment, so that a file may be missing, or the last line of the metrics cut short.
Everything that can be read is returned, unknown keys included; the rest is listed in the problems of the run.

The values of a run have these keys: `run`, `status`, `started`, `age` and `steps`; `tag`, a list, and `note`; `origin`,
the run whose weights it began with; the dotted keys of its config (`optimizer.lr`, and `loss` for `loss.name`); the
metrics of its last epoch (`test_loss`), and the best value of each (`best.test_loss`).
"""

from __future__ import annotations

import platform
import re
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from itertools import filterfalse
from os.path import isdir, isfile  # False where a Path raises, as without permission or at a mount that is dead
from typing import TYPE_CHECKING, Any

from lossreg.experiment.storage import labels, locks, schemas, untrusted
from lossreg.experiment.storage.marked_directories import is_own
from lossreg.experiment.storage.records import SPLITS, best_of, flat, measured_on, metrics_of, name_of_loss
from lossreg.experiment.storage.untrusted import MOST_KEYS, Unreadable, checked, shortened, some

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lossreg.experiment.storage.schemas import Check

STAMP = re.compile(r"(\d{8}T\d{6}\.\d{6}Z)-(.+)")
FILES = ("status.json", "metrics.jsonl")
ORIGIN = "origin.json"  # from which run the weights are that a run began with
STATUSES = ("running", "finished", "failed", "interrupted", "diverged", "paused", "pruned", "killed", "unknown")


@dataclass(frozen=True)
class Run:
    """A run, read from its directory."""

    path: Path
    problems: list[str] = field(default_factory=list, compare=False)

    @property
    def id(self) -> str:
        """The directory's name."""
        return self.path.name

    @property
    def name(self) -> str:
        """The directory's name without the time: short, and almost always enough to find the run."""
        stamped = STAMP.fullmatch(self.id)
        return stamped[2] if stamped else self.id

    @cached_property
    def status(self) -> str:
        """The status in its file; `killed` if that is `running` and no process has the directory locked.

        The locks of another machine cannot be seen, so the file is believed.
        """
        status = str(self.state.get("status", "unknown"))
        if status not in ("running", "unknown") or self.state.get("host", platform.node()) != platform.node():
            return status
        locked = locks.is_locked(self.path)
        if locked or (locked is None and status == "running" and locks.may_exist(self.state)):
            return "running"
        return "killed" if status == "running" else status

    @cached_property
    def state(self) -> dict[str, Any]:
        """The content of status.json: the status, when it was written, and an error."""
        return self._json("status.json", schemas.STATUS)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The config with every default filled in."""
        try:
            content = untrusted.read_config(self.path / "config.yaml")
        except (FileNotFoundError, Unreadable) as error:
            reason = error if isinstance(error, Unreadable) else "does not exist"
            self.problems.append(f"config.yaml: {reason}")
            return {}
        return self._fitting("config.yaml", content, schemas.CONFIG)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The config by dotted keys, such as `optimizer.lr`; the terms of a sum are `loss.0`, `loss.1`, ..."""
        loss = self.config.get("loss")
        return flat({**self.config, "loss": dict(enumerate(loss))} if isinstance(loss, list) else self.config)

    @cached_property
    def environment(self) -> dict[str, Any]:
        """Python, packages, processor, commit and plugins."""
        return self._json("environment.json", schemas.ENVIRONMENT)

    @cached_property
    def origin(self) -> dict[str, Any]:
        """The run whose weights this one began with, the step, and what changed; empty if it began with its own."""
        return self._json(ORIGIN, schemas.ORIGIN)

    @cached_property
    def records(self) -> list[dict[str, Any]]:
        """The record of each epoch, with nan and infinity as numbers."""
        try:
            lines = untrusted.read_lines(self.path / "metrics.jsonl")
        except FileNotFoundError:
            return []
        except Unreadable as error:
            self.problems.append(f"metrics.jsonl: {error}")
            return []
        records, problems = [], []
        for place, line in enumerate(lines, 1):
            try:
                record = untrusted.record_of(line)
            except Unreadable:
                problems.append(f"metrics.jsonl:{place}: not a record: {line[: untrusted.SHOWN]!r}")
                continue
            records.append(record.content)
            problems += [f"metrics.jsonl:{place}: {problem}" for problem in record.problems]
        self.problems.extend(some(problems))
        if (count := len({key for record in records for key in record})) > MOST_KEYS:
            self.problems.append(f"metrics.jsonl: {count:,} metrics; at most {MOST_KEYS:,} are read")
            return []
        return records

    @cached_property
    def times(self) -> dict[int, float]:
        """For the step of each epoch the seconds of training until then, as far as they were recorded."""
        found, total = {}, 0.0
        with suppress(FileNotFoundError, Unreadable):
            for line in untrusted.read_lines(self.path / "timings.jsonl"):
                with suppress(Unreadable):
                    content = untrusted.complete_record(line)
                    total += content.get("seconds", 0.0)
                    found[content["step"]] = total
        return found

    @property
    def final(self) -> dict[str, float]:
        """The metrics of the last epoch."""
        return metrics_of(self.records[-1]) if self.records else {}

    @cached_property
    def best(self) -> dict[str, float]:
        """The best value of each metric over all epochs; nan only if there is no other value."""
        return best_of(self.records)

    @property
    def steps(self) -> int | None:
        """The number of steps taken, as the status or the last record says, whichever is later."""
        written = (self.state.get("step"), self.records[-1].get("step") if self.records else None)
        return max((step for step in written if isinstance(step, int)), default=None)

    @cached_property
    def started(self) -> datetime | None:
        """When the run began: the time in its name, or else when its config or its directory was last changed."""
        stamped = STAMP.fullmatch(self.id)
        if stamped:
            with suppress(ValueError):
                return datetime.strptime(stamped[1], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
        for path in (self.path / "config.yaml", self.path):
            with suppress(OSError, ValueError, OverflowError):
                return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
        return None

    @property
    def age(self) -> float | None:
        """How many seconds ago the run began; 0 if that is in the future because the clock was changed."""
        return max(0.0, (datetime.now(UTC) - self.started).total_seconds()) if self.started else None

    @cached_property
    def values(self) -> dict[str, Any]:
        """All values by key, as the module's docstring lists them."""
        short = {key.removesuffix(".name"): value for key, value in self.settings.items() if key.endswith(".name")}
        if self.config.get("loss"):
            short["loss"] = name_of_loss(self.config["loss"])
        tags, note = labels.read(self.path)
        facts = {
            "run": self.id,
            "status": self.status,
            "started": self.started and self.started.isoformat(timespec="seconds"),
            "age": self.age,
            "steps": self.steps,
            "origin": self.origin.get("run"),
            "tag": list(tags) or None,
            "note": note or None,
        }
        best = {f"best.{key}": value for key, value in self.best.items()}
        last = self.records[-1] if self.records else {}
        return {
            **self.settings,
            **short,
            **last,
            **best,
            **{key: value for key, value in facts.items() if value is not None},
        }

    def _json(self, name: str, schema: Mapping[str, Check]) -> dict[str, Any]:
        try:
            content = untrusted.read_json(self.path / name)
        except FileNotFoundError:
            return {}
        except Unreadable as error:
            self.problems.append(f"{name}: {error}")
            return {}
        return self._fitting(name, content, schema)

    def _fitting(self, name: str, content: Any, schema: Mapping[str, Check]) -> dict[str, Any]:
        """The part of a file's content that fits a schema; the rest is reported as problems."""
        if not isinstance(content, dict):
            self.problems.append(f"{name}: expected a mapping, got {shortened(repr(content))}")
            return {}
        fitting = checked(content, schema)
        self.problems.extend(some([f"{name}: {problem}" for problem in fitting.problems]))
        return fitting.content


def runs_in(root: Path) -> list[Run]:
    """The runs below a directory, including those of sweeps, in the order in which they began."""
    found, waiting = [], [root]
    while waiting:
        directory = waiting.pop()
        if directory != root and is_run(directory):
            found.append(Run(directory))
            continue
        with suppress(OSError):
            waiting += filterfalse(is_hidden, filter(isdir, directory.iterdir()))
    return sorted(found, key=lambda run: (run.started or datetime.max.replace(tzinfo=UTC), run.id))


def is_hidden(path: Path) -> bool:
    """Whether a path is skipped: a link may lead in circles, and the name of a run that is being deleted has a dot."""
    return path.name.startswith(".") or path.is_symlink()


def is_run(path: Path) -> bool:
    """Whether a directory is that of a run, by its name, its marker or one of its files."""
    return bool(STAMP.fullmatch(path.name)) or any(map(isfile, (path / name for name in FILES))) or is_own(path, "run")


def metric_keys(runs: Iterable[Run]) -> list[str]:
    """The keys of the metrics of runs: those of the test rows first, then validation, then training."""
    keys = dict.fromkeys(key for run in runs for key in run.final)
    order = [*reversed(SPLITS), ""]
    return sorted(keys, key=lambda key: order.index(measured_on(key)))
