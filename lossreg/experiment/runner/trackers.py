"""Trackers: what is told of a run beside its own directory.

Whatever goes wrong with one, be it that its server does not answer, the run goes on and takes no longer for it, but for
a few seconds at its end.
"""

from __future__ import annotations

import logging
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from lossreg.experiment.extras import extra
from lossreg.experiment.runner.progress import Progress
from lossreg.experiment.storage.records import metrics_of
from lossreg.experiment.storage.runs import Run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.runner.result import Result
    from lossreg.experiment.storage.records import Record
    from lossreg.experiment.training.prepare import PreparedRun

LOG = logging.getLogger("lossreg")
PATIENCE = 10.0  # seconds that a run waits at its end for a tracker that has not been told everything


class RunTracker(Protocol):
    """What a tracker's function returns: one run, as it follows it."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Take note of the metrics after a step."""

    def close(self, status: str) -> None:
        """Take note that the run ended, and how: finished, failed, interrupted or diverged."""


class TrackerThread:
    """A tracker at work in a thread of its own, so that no step waits for it; if it fails, that is a warning, once."""

    def __init__(self, name: str, begin: Callable[[], RunTracker]) -> None:
        self.name, self.begin = name, begin
        self.news: SimpleQueue[tuple[str, tuple[Any, ...]] | None] = SimpleQueue()
        self.thread = Thread(target=self.follow, name=f"tracker {name}", daemon=True)
        self.thread.start()

    def follow(self) -> None:
        """Tell the tracker all the news, until they end or it fails."""
        try:
            with extra():
                tracking = self.begin()
            for act, arguments in iter(self.news.get, None):
                getattr(tracking, act)(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, it is not the run's
            what = " ".join(f"{type(error).__name__}: {error}".split())
            LOG.warning("tracker %s failed and is left alone, the run goes on: %s", self.name, what)

    def tell(self, act: str, *arguments: Any) -> None:
        """Add to the news."""
        self.news.put((act, arguments))

    def close(self, status: str) -> None:
        """End the news, and wait a little for what is not told yet."""
        self.tell("close", status)
        self.news.put(None)
        self.thread.join(PATIENCE)
        if self.thread.is_alive():
            LOG.warning("tracker %s is not done after %g seconds and is left alone", self.name, PATIENCE)


class TrackedProgress(Progress):
    """A report that trackers listen to."""

    def __init__(self, progress: Progress, path: Path, config: Config) -> None:
        self.progress, self.followers = progress, []
        for choice in config.trackers:
            begin = partial(choice.component.function, str(path), config.resolved(), **choice.parameters)
            self.followers.append(TrackerThread(choice.name, begin))

    def preparing(self, config: Config) -> None:
        """Pass it on."""
        self.progress.preparing(config)

    def started(self, prepared: PreparedRun, step: int) -> None:
        """Pass it on."""
        self.progress.started(prepared, step)

    def epoch(self, record: Record) -> None:
        """Pass the record on."""
        self.progress.epoch(record)
        for follower in self.followers:
            follower.tell("log", metrics_of(record), record["step"])

    def stopped(self, path: Path) -> None:
        """Pass it on, with the status."""
        self.progress.stopped(path)
        self.close(Run(path).status)

    def finished(self, result: Result) -> None:
        """Pass it on."""
        self.progress.finished(result)
        self.close("finished")

    def close(self, status: str) -> None:
        """End all that follows."""
        for follower in self.followers:
            follower.close(status)
