"""Trackers: what is told of a run beside its own directory. Whatever goes wrong with one, the run goes on."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from lossreg.experiment.report import Report
from lossreg.experiment.runs import Run, metrics_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lossreg.experiment.config import Choice, Config
    from lossreg.experiment.train import Record, Result, Session

LOG = logging.getLogger("lossreg")


class Tracking(Protocol):
    """What a tracker's function returns: one run, as it follows it."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Take note of the metrics after a step."""

    def close(self, status: str) -> None:
        """Take note that the run ended, and how: finished, failed, interrupted or diverged."""


class Tracked(Report):
    """A report that trackers listen to; one that fails is warned of once and left alone from then on."""

    def __init__(self, report: Report, path: Path, config: Config) -> None:
        self.report, self.path = report, path
        self.following: dict[str, Any] = {}
        for choice in config.trackers:
            self.attempt(choice.name, self.follow, choice, config)

    def follow(self, choice: Choice, config: Config) -> None:
        """Let a tracker begin."""
        make = choice.component.function
        self.following[choice.name] = make(str(self.path), config.resolved(), **choice.parameters)

    def attempt(self, name: str, act: Callable[..., Any], *arguments: Any) -> None:
        """Do something with a tracker, and without it ever after if that fails."""
        try:
            act(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, it is not the run's
            self.following.pop(name, None)
            what = " ".join(f"{type(error).__name__}: {error}".split())
            if isinstance(error, ModuleNotFoundError):
                what += f"; pip install 'lossreg[{name}]'"
            LOG.warning("tracker %s failed and is left alone, the run goes on: %s", name, what)

    def tell(self, act: str, *arguments: Any) -> None:
        """Tell all trackers."""
        for name, tracking in list(self.following.items()):
            self.attempt(name, lambda tracking=tracking: getattr(tracking, act)(*arguments))

    def preparing(self, config: Config) -> None:
        """Pass it on."""
        self.report.preparing(config)

    def started(self, session: Session) -> None:
        """Pass it on."""
        self.report.started(session)

    def epoch(self, record: Record) -> None:
        """Pass the record on."""
        self.report.epoch(record)
        self.tell("log", metrics_of(record), record["step"])

    def stopped(self, path: Path) -> None:
        """Pass it on, with the status."""
        self.report.stopped(path)
        self.tell("close", Run(path).status)

    def finished(self, result: Result) -> None:
        """Pass it on."""
        self.report.finished(result)
        self.tell("close", "finished")
