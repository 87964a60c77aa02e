"""How a sweep goes, for people: one table on a terminal, kept up to date, and plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress
from math import isnan
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep.summary import score
from lossreg.formatting import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from lossreg.experiment.sweep.trials import Trial


BEST = 5


class SweepProgress:
    """Is told how a sweep goes, and keeps it to itself; those below say it."""

    def started(self, path: Path, metric: str, goal: str, total: int) -> None:
        """Take note of where the trials are, what they are judged by, whether max or min is best, and their number."""

    def outdated(self, path: Path, found: Mapping[str, list[str]]) -> None:
        """Take note of trials that are done, and of what has changed since."""

    def ended(self, trial: Trial, status: str, *, earlier: bool = False) -> None:
        """Take note that a trial ended, or had ended in an earlier sweep."""

    def look(self, running: Iterable[Trial]) -> None:
        """Look at the trials that are under way."""

    def stopped(self) -> None:
        """Take note that the sweep was interrupted."""

    def finished(self) -> None:
        """Take note that all trials ended."""


class SweepProgressLines(SweepProgress):
    """A line for each trial that ends."""

    def __init__(self, output: TextIO) -> None:
        self.output = output
        self.total = self.earlier = 0
        self.statuses: dict[str, int] = {}
        self.begun = monotonic()

    @property
    def count(self) -> int:
        """How many trials have ended."""
        return sum(self.statuses.values())

    @property
    def left(self) -> str:
        """How long it will take, going by the trials so far."""
        done = self.count - self.earlier
        return f"{(monotonic() - self.begun) / done * (self.total - self.count):.0f} s left" if done else "time unknown"

    def say(self, line: str = "") -> None:
        """Print a line at once; the sweep goes on if nobody reads it any more."""
        with suppress(BrokenPipeError):
            print(printable(line), file=self.output, flush=True)

    def started(self, path: Path, metric: str, goal: str, total: int) -> None:
        """Say where the trials are."""
        self.path, self.metric, self.goal, self.total = path, metric, goal, total
        self.begun = monotonic()
        self.say(f"{total} trials in {path}, judged by {metric}")

    def outdated(self, path: Path, found: Mapping[str, list[str]]) -> None:
        """Say so of the first: their results stand, until somebody deletes them."""
        for name, changed in list(found.items())[:1]:
            self.say(f"{len(found)} trials that are done would now be others; lossreg rm lets them run again")
            self.say(f"such as {path / name}: {'; '.join(changed)}")

    def ended(self, trial: Trial, status: str, *, earlier: bool = False) -> None:
        """Say how a trial ended."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.earlier += earlier
        if not earlier:
            value = score(Run(self.path / trial.id), self.metric)
            result = trial.id if isnan(value) else f"{self.metric} {value:.4f}"
            place = f"{self.count:>{len(str(self.total))}}/{self.total}"
            self.show(f"{place}  {status:<9} {result}  {trial}  ({self.left})")

    def show(self, line: str) -> None:
        """Say it, where there is no table."""
        self.say(line)

    def stopped(self) -> None:
        """Say how far it is."""
        self.say(f"stopped; {self.count} of {self.total} trials are done; the same command goes on")


class SweepProgressTable(SweepProgressLines):
    """A table on a terminal: what is under way and how far it is, the best so far, and how many ended how."""

    def __init__(self, output: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(output)
        self.live = Live(console=Console(file=output), transient=True, refresh_per_second=4)
        self.results: list[tuple[float, Trial]] = []

    def started(self, path: Path, metric: str, goal: str, total: int) -> None:
        """Say where the trials are, and draw the table."""
        super().started(path, metric, goal, total)
        self.live.start()

    def ended(self, trial: Trial, status: str, *, earlier: bool = False) -> None:
        """Keep the best few."""
        super().ended(trial, status, earlier=earlier)
        value = score(Run(self.path / trial.id), self.metric)
        if not isnan(value):
            self.results.append((value, trial))
            self.results.sort(key=lambda result: result[0], reverse=self.goal == "max")
            del self.results[BEST:]

    def show(self, line: str) -> None:
        """Leave it to the table."""

    def look(self, running: Iterable[Trial]) -> None:
        """Draw the table anew."""
        from rich.table import Table
        from rich.text import Text

        told = ", ".join(f"{count} {status}" for status, count in self.statuses.items()) or "none ended"
        table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", title_style="")
        table.title = f"{self.count}/{self.total} trials: {told}; {self.left}"
        for name in ("", self.metric, "done", "trial"):
            table.add_column(Text(name), justify="left" if name in ("", "trial") else "right", no_wrap=True)
        rows: list[tuple[str, Any, str, Trial]] = []
        for trial in running:
            record = next(iter(Run(self.path / trial.id).records[-1:]), {})
            rows.append(("running", record.get(self.metric.removeprefix("best.")), share(trial, record), trial))
        rows += [("best", value, "", trial) for value, trial in self.results]
        for state, value, done, trial in rows:
            number = f"{value:.4g}" if isinstance(value, float) else ""
            table.add_row(
                Text(state, "cyan" if state == "running" else "green"), number, done, Text(one_line(str(trial)))
            )
        self.live.update(table)

    def stopped(self) -> None:
        """Take the table away."""
        self.live.stop()
        super().stopped()

    def finished(self) -> None:
        """Take the table away."""
        self.live.stop()


def share(trial: Trial, record: dict[str, Any]) -> str:
    """How much of a trial is done, as its last record says."""
    train = trial.config.train
    done = record.get("step", 0) / train.steps if train.steps else record.get("epoch", 0) / (train.epochs or 1)
    return f"{done:.0%}"


def sweep_progress_for(output: TextIO | None = None) -> SweepProgress:
    """Choose the table for a terminal (where rich is installed), and plain lines for anything else."""
    from importlib.util import find_spec

    output = output or sys.stdout
    return SweepProgressTable(output) if output.isatty() and find_spec("rich") else SweepProgressLines(output)
