"""Show the progress of a sweep: a table on a terminal, and plain lines elsewhere."""

from __future__ import annotations

import sys
from contextlib import suppress
from math import isnan
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from lossreg.experiment.runner.notebook_progress import notebook_output
from lossreg.experiment.storage import locks
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep.summary import score
from lossreg.formatting import counted, one_line, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lossreg.experiment.sweep.trials import Trial


SHOWN_BEST = 5


class SweepProgress:
    """Receives the events of a sweep, and ignores them; the classes below show them."""

    def started(self, path: Path, metric: str, goal: str, total: int) -> None:
        """The sweep begins: its directory, its metric, whether the max or the min is best, and the number of trials."""

    def outdated(self, path: Path, changes: Mapping[str, list[str]]) -> None:
        """For some trials that are done, plugins or environment have changed since."""

    def ended(self, trial: Trial, status: str, *, earlier: bool = False) -> None:
        """A trial ended, or had ended in an earlier sweep."""

    def update(self, running: Iterable[Trial]) -> None:
        """Some time has passed; these trials are running."""

    def waiting(self, path: Path, busy: Sequence[Trial]) -> None:
        """All trials that are left are locked by other processes; called again as long as they are."""

    def stopped(self) -> None:
        """The sweep was interrupted."""

    def finished(self) -> None:
        """All trials have ended."""


class SweepProgressLines(SweepProgress):
    """Prints a line for each trial that ends."""

    def __init__(self, output: TextIO) -> None:
        self.output = output
        self.total = self.earlier = 0
        self.statuses: dict[str, int] = {}
        self.announced: set[str] = set()
        self.start_time = monotonic()

    @property
    def count(self) -> int:
        """How many trials have ended."""
        return sum(self.statuses.values())

    @property
    def time_left(self) -> str:
        """An estimate of the remaining time from that of the trials so far."""
        done = self.count - self.earlier
        if not done:
            return "remaining time unknown"
        return f"{(monotonic() - self.start_time) / done * (self.total - self.count):.0f} s left"

    def print(self, line: str = "") -> None:
        """Print a line at once; the sweep continues if nothing reads the output any more."""
        with suppress(BrokenPipeError):
            print(printable(line), file=self.output, flush=True)

    def started(self, path: Path, metric: str, goal: str, total: int) -> None:
        """Print the number of trials and where they are."""
        self.path, self.metric, self.goal, self.total = path, metric, goal, total
        self.start_time = monotonic()
        self.print(f"{counted(total, 'trial')} in {path}, ranked by {metric}")

    def outdated(self, path: Path, changes: Mapping[str, list[str]]) -> None:
        """Print how many trials are outdated, and the changes of the first."""
        for name, changed in list(changes.items())[:1]:
            trials = counted(len(changes), "finished trial")
            self.print(f"{trials} would now give other results; delete them with lossreg rm to run them again")
            self.print(f"for example {path / name}: {'; '.join(changed)}")

    def ended(self, trial: Trial, status: str, *, earlier: bool = False) -> None:
        """Print the status and the metric of a trial."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.earlier += earlier
        if not earlier:
            value = score(Run(self.path / trial.id), self.metric)
            result = trial.id if isnan(value) else f"{self.metric} {value:.4f}"
            number = f"{self.count:>{len(str(self.total))}}/{self.total}"
            self.show_result(f"{number}  {status:<9} {result}  {trial}  ({self.time_left})")

    def show_result(self, line: str) -> None:
        """Print the line of a trial that ended."""
        self.print(line)

    def waiting(self, path: Path, busy: Sequence[Trial]) -> None:
        """Print which trials other processes have locked, once for each."""
        for trial in busy:
            if trial.id not in self.announced:
                self.announced.add(trial.id)
                folder = path / trial.id
                self.print(f"waiting for {folder}, which another process has locked{locks.hint(folder)}")

    def stopped(self) -> None:
        """Print how many trials are done."""
        self.print(
            f"stopped; {self.count} of {counted(self.total, 'trial')} done; the same command continues the sweep"
        )


class SweepProgressTable(SweepProgressLines):
    """Draws a table on a terminal: the running trials and their progress, the best so far, and the statuses."""

    def __init__(self, output: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        super().__init__(output)
        self.live = Live(console=Console(file=output), transient=True, refresh_per_second=4)
        self.best: list[tuple[float, Trial]] = []

    def started(self, path: Path, metric: str, goal: str, total: int) -> None:
        """Print where the trials are, and draw the table."""
        super().started(path, metric, goal, total)
        self.live.start()

    def ended(self, trial: Trial, status: str, *, earlier: bool = False) -> None:
        """Remember the trial if it is one of the best."""
        super().ended(trial, status, earlier=earlier)
        value = score(Run(self.path / trial.id), self.metric)
        if not isnan(value):
            self.best.append((value, trial))
            self.best.sort(key=lambda result: result[0], reverse=self.goal == "max")
            del self.best[SHOWN_BEST:]

    def show_result(self, line: str) -> None:
        """Print nothing, since the table shows the results."""

    def update(self, running: Iterable[Trial]) -> None:
        """Draw the table again."""
        from rich.table import Table
        from rich.text import Text

        statuses = ", ".join(f"{count} {status}" for status, count in self.statuses.items()) or "none ended"
        table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left", title_style="")
        table.title = f"{self.count}/{self.total} trials: {statuses}; {self.time_left}"
        for name in ("", self.metric, "done", "trial"):
            table.add_column(Text(name), justify="left" if name in ("", "trial") else "right", no_wrap=True)
        rows: list[tuple[str, Any, str, Trial]] = []
        for trial in running:
            record = next(iter(Run(self.path / trial.id).records[-1:]), {})
            rows.append(("running", record.get(self.metric.removeprefix("best.")), percentage(trial, record), trial))
        rows += [("best", value, "", trial) for value, trial in self.best]
        for state, value, done, trial in rows:
            number = f"{value:.4g}" if isinstance(value, float) else ""
            table.add_row(
                Text(state, "cyan" if state == "running" else "green"), number, done, Text(one_line(str(trial)))
            )
        self.live.update(table)

    def stopped(self) -> None:
        """Remove the table."""
        self.live.stop()
        super().stopped()

    def finished(self) -> None:
        """Remove the table."""
        self.live.stop()


def percentage(trial: Trial, record: dict[str, Any]) -> str:
    """How much of a trial is done, by its last record."""
    train = trial.config.train
    done = record.get("step", 0) / train.steps if train.steps else record.get("epoch", 0) / (train.epochs or 1)
    return f"{done:.0%}"


def sweep_progress_for(output: TextIO | None = None) -> SweepProgress:
    """Choose the table for a terminal, if rich is installed, and plain lines for any other output."""
    from importlib.util import find_spec

    output = output or sys.stdout
    return SweepProgressTable(output) if output.isatty() and find_spec("rich") else SweepProgressLines(output)


def default_sweep_progress() -> SweepProgress:
    """The progress of a sweep for which none is given: lines in a notebook, and nothing elsewhere."""
    output = notebook_output()
    return SweepProgressLines(output) if output else SweepProgress()
