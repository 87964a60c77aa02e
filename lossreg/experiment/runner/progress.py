"""Reports: how a run is doing, for people. A bar on a terminal, plain lines elsewhere, and a closing table for both."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from lossreg.experiment.storage import files
from lossreg.experiment.storage.runs import Run, runs_in
from lossreg.formatting import columns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.runner.result import Result
    from lossreg.experiment.storage.records import Record
    from lossreg.experiment.training.prepare import PreparedRun

LINES = 10
AIMS = {"train": "train on", "validation": "validate on", "test": "test on"}


class Progress:
    """Is told how a run goes, and keeps it to itself; the reports below say it."""

    def preparing(self, config: Config) -> None:
        """Take note that data are loaded and kernels compiled next."""

    def started(self, prepared: PreparedRun, step: int) -> None:
        """Take note that training begins, after so many steps if it is resumed."""

    def epoch(self, record: Record) -> None:
        """Take note of an epoch's record."""

    def stopped(self, path: Path) -> None:
        """Take note that the run failed or was interrupted."""

    def finished(self, result: Result) -> None:
        """Take note of the result."""


class ProgressLines(Progress):
    """Plain lines: about ten epochs of a run, and the last."""

    config: Config

    def __init__(self, output: TextIO) -> None:
        self.output = output
        self.epochs = 0
        self.trained = 0
        self.seconds = 0.0
        self.samples = 0.0

    def say(self, line: str = "") -> None:
        """Print a line at once; the run goes on if nobody reads it any more."""
        with suppress(BrokenPipeError):
            print(line, file=self.output, flush=True)

    def preparing(self, config: Config) -> None:
        """Say what is trained on what."""
        self.config = config
        nouns = f"{config.model.name} on {config.data.name} by {config.loss.name} with {config.optimizer.name}"
        self.say(f"{config.name}: {nouns}")

    def started(self, prepared: PreparedRun, step: int) -> None:
        """Say how large it all is."""
        self.epochs = prepared.epochs
        sizes = {name: f"{len(part):,} to {AIMS[name]}" for name, part in prepared.splits.items()}
        self.say(f"examples: {', '.join(sizes.values())}; {prepared.train.inputs.shape[1]:,} features")
        resumed = f", resumed after step {step:,}" if step else ""
        self.say(f"{prepared.network.weights.size:,} weights, {prepared.steps:,} steps{resumed}")

    def epoch(self, record: Record) -> None:
        """Say how some of the epochs went."""
        self.count(record)
        number = record["epoch"]
        if number in (1, self.epochs) or number % -(-self.epochs // LINES) == 0:
            self.say(f"epoch {number:>{len(str(self.epochs))}}/{self.epochs}  {'   '.join(in_brief(record))}")

    def count(self, record: Record) -> None:
        """Add up the epochs and their time."""
        self.trained += 1
        self.seconds += record["seconds"]
        self.samples += record["seconds"] * record["samples_per_second"]

    def stopped(self, path: Path) -> None:
        """Say where what was done is, and how to go on."""
        self.say(f"stopped; what was done is in {path}")
        if Run(path).status != "diverged":  # which it would at the same step
            self.say(f"go on       lossreg resume {path}")
            return
        for change in tamer(self.config):
            self.say(f"run again   lossreg run {path / 'config.yaml'} --set {change}{elsewhere(path)}")

    def finished(self, result: Result) -> None:
        """Say how it ended, where the run is and how to go on."""
        self.say()
        for line in table(result.final):
            self.say(line)
        self.say()
        if self.trained:
            speed = self.samples / self.seconds
            self.say(f"trained     {self.trained:,} epochs in {self.seconds:.2f} s, {speed:,.0f} samples per second")
        path = result.path
        config, there = path / "config.yaml", elsewhere(path)
        self.say(f"run         {path}")
        self.say(f"run again   lossreg run {config} --set seed={result.config['seed'] + 1}{there}")
        self.say(f"sweep       lossreg sweep {config} --set sweep.repeats=4 --jobs 2{there}")
        others = [run.path for run in runs_in(path.parent) if run.path != path]
        if others:
            self.say(f"compare     lossreg compare {others[-1]} {path}")
        self.say(f"report      lossreg report {path} -o report.html")
        self.say(f"the loss    lossreg show {result.config['loss']['name']}")


class ProgressBar(ProgressLines):
    """A progress bar on a terminal."""

    def __init__(self, output: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(output)
        columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(24), TimeRemainingColumn())
        brief = TextColumn("{task.description}")
        self.progress = Progress(*columns, brief, console=Console(file=output), transient=True)
        self.task = self.progress.add_task("")

    def started(self, prepared: PreparedRun, step: int) -> None:
        """Say how large it all is, and draw the bar."""
        super().started(prepared, step)
        self.progress.update(self.task, total=self.epochs, completed=step // prepared.steps_per_epoch)
        self.progress.start()

    def epoch(self, record: Record) -> None:
        """Move the bar on."""
        self.count(record)
        self.progress.update(self.task, advance=1, description=in_brief(record)[-1])

    def stopped(self, path: Path) -> None:
        """Leave the bar as it is."""
        self.progress.stop()
        super().stopped(path)

    def finished(self, result: Result) -> None:
        """Put the table where the bar was."""
        self.progress.stop()
        super().finished(result)


def for_output(output: TextIO | None = None) -> Progress:
    """Choose the bar for a terminal (where rich is installed), and plain lines for anything else."""
    from importlib.util import find_spec

    output = output or sys.stdout
    return ProgressBar(output) if output.isatty() and find_spec("rich") else ProgressLines(output)


def elsewhere(path: Path) -> str:
    """The option by which a command puts other runs beside this one, where they would not go there anyway."""
    return f" --runs {path.parent}" * (path.parent != files.root_of(None))


def tamer(config: Config) -> Iterator[str]:
    """Changes by which a run may not diverge: a smaller learning rate, and a limit to the gradient."""
    if "lr" in config.optimizer.parameters:
        yield f"optimizer.lr={config.optimizer.parameters['lr'] / 10:.3g}"
    if config.train.clip_norm is None:
        yield "train.clip_norm=1"


def measured(record: Record) -> dict[str, dict[str, float]]:
    """The metrics in a record: for each metric its value on each split."""
    metrics: dict[str, dict[str, float]] = {}
    for key, value in record.items():
        part, _, metric = key.partition("_")
        if part in AIMS:
            metrics.setdefault(metric, {})[part] = value
    return metrics


def in_brief(record: Record) -> list[str]:
    """The first two metrics of each split."""
    metrics = list(measured(record).items())[:2]
    parts = metrics[0][1]
    return [f"{part} {' '.join(f'{name} {values[part]:.4f}' for name, values in metrics)}" for part in parts]


def table(record: Record) -> list[str]:
    """The lines of the closing table: the epoch, a row for each metric, a column for each split."""
    metrics = measured(record)
    parts = list(next(iter(metrics.values())))
    header = [f"epoch {record['epoch']}", *(part.rjust(10) for part in parts)]
    rows = [[metric, *(f"{values[part]:.4f}" for part in parts)] for metric, values in metrics.items()]
    return columns([header, *rows], [False, *(True for _ in parts)])
