"""Trackers: pass the metrics of a run on to other tools, such as MLflow.

A tracker works in a thread of its own. If it fails or does not answer, the run continues and takes no longer, except
for a wait of some seconds at its end.
"""

from __future__ import annotations

import logging
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from lossreg.experiment.runner.progress import Progress
from lossreg.experiment.storage.records import metrics_of
from lossreg.experiment.storage.runs import Run
from lossreg.extras import missing_imports, not_installed, optional_imports

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.runner.result import Result
    from lossreg.experiment.storage.records import Record
    from lossreg.experiment.training.prepare import PreparedRun

LOG = logging.getLogger("lossreg")
TIMEOUT = 10.0
"""How many seconds a run waits at its end for a tracker that has not processed everything."""


def check_installed(config: Config) -> None:
    """Raise InvalidConfig if a tracker imports what is not installed."""
    problems = [
        (("trackers", index), str(not_installed(name)))
        for index, choice in enumerate(config.trackers)
        for name in missing_imports(choice.component.function)
    ]
    if problems:
        raise config.error(*problems)


class RunTracker(Protocol):
    """What the function of a tracker plugin returns: an object that follows one run."""

    def log(self, metrics: Mapping[str, float], step: int) -> None:
        """Receive the metrics after a step."""

    def close(self, status: str) -> None:
        """Receive the status at the end of the run: finished, failed, interrupted or diverged."""


class TrackerThread:
    """A tracker in a thread of its own, so that no step waits for it; if it fails, one warning is logged."""

    def __init__(self, name: str, begin: Callable[[], RunTracker]) -> None:
        self.name, self.begin = name, begin
        self.calls: SimpleQueue[tuple[str, tuple[Any, ...]] | None] = SimpleQueue()
        self.thread = Thread(target=self.process_calls, name=f"tracker {name}", daemon=True)
        self.thread.start()

    def process_calls(self) -> None:
        """Make the queued calls, until the queue ends or the tracker fails."""
        try:
            with optional_imports():
                tracker = self.begin()
            for method, arguments in iter(self.calls.get, None):
                getattr(tracker, method)(*arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001  no error of a tracker may stop the run
            message = " ".join(f"{type(error).__name__}: {error}".split())
            LOG.warning("tracker %s failed and gets no more metrics; the run continues: %s", self.name, message)

    def call(self, method: str, *arguments: Any) -> None:
        """Queue a call of a method of the tracker."""
        self.calls.put((method, arguments))

    def close(self, status: str) -> None:
        """End the queue, and wait a little until it has been processed."""
        self.call("close", status)
        self.calls.put(None)
        self.thread.join(TIMEOUT)
        if self.thread.is_alive():
            LOG.warning("tracker %s has not finished after %g seconds, and is abandoned", self.name, TIMEOUT)


class TrackedProgress(Progress):
    """Passes the events of a run on to another Progress, and its metrics to all trackers of the config."""

    def __init__(self, progress: Progress, path: Path, config: Config) -> None:
        self.progress, self.trackers = progress, []
        for choice in config.trackers:
            begin = partial(choice.component.function, str(path), config.resolved(), **choice.parameters)
            self.trackers.append(TrackerThread(choice.name, begin))

    def preparing(self, config: Config) -> None:
        """Pass the event on."""
        self.progress.preparing(config)

    def resumed(self, step: int, reached: int) -> None:
        """Pass the event on."""
        self.progress.resumed(step, reached)

    def started(self, prepared: PreparedRun, step: int) -> None:
        """Pass the event on."""
        self.progress.started(prepared, step)

    def note(self, text: str) -> None:
        """Pass the note on."""
        self.progress.note(text)

    def epoch(self, record: Record) -> None:
        """Pass the record on, and its metrics to the trackers."""
        self.progress.epoch(record)
        for tracker in self.trackers:
            tracker.call("log", metrics_of(record), record["step"])

    def stopped(self, path: Path) -> None:
        """Pass the event on, and the status to the trackers."""
        self.progress.stopped(path)
        self.close(Run(path).status)

    def finished(self, result: Result) -> None:
        """Pass the result on, and the status to the trackers."""
        self.progress.finished(result)
        self.close("finished")

    def close(self, status: str) -> None:
        """Close all trackers."""
        for tracker in self.trackers:
            tracker.close(status)
