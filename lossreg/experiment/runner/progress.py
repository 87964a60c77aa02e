"""Show the progress of a run: a bar on a terminal, plain lines elsewhere, and a table of metrics at the end."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO

from lossreg.experiment.storage import files
from lossreg.experiment.storage.query import differing
from lossreg.experiment.storage.records import name_of_loss, terms_of
from lossreg.experiment.storage.runs import Run, runs_in
from lossreg.formatting import columns, command_line, counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.runner.result import Result
    from lossreg.experiment.storage.records import Record
    from lossreg.experiment.training.prepare import PreparedRun

SHOWN_EPOCHS = 10
COMPARED = 20
"""The latest runs among which one is looked for to compare with."""
PURPOSES = {"train": "train on", "validation": "validate on", "test": "test on"}


def related_run(path: Path, config: Mapping[str, Any]) -> Path | None:
    """The run to compare a new run with: of the latest, the one whose config differs least, in at least one key.

    It has the same data, is not a trial of a sweep, and differs in one section of the config, or has the same name.
    """
    new, latest = (
        Run(path),
        [run for run in runs_in(path.parent) if run.path != path and run.path.parent == path.parent],
    )
    best, fewest = None, 0
    for run in latest[-COMPARED:]:
        if run.status != "finished" or run.config.get("data") != config["data"]:
            continue
        different = differing([run, new])
        sections = {key.partition(".")[0] for key in different}
        if different and (len(sections) == 1 or stem(run) == stem(new)) and (best is None or len(different) <= fewest):
            best, fewest = run.path, len(different)
    return best


def stem(run: Run) -> str:
    """The name of a run without the characters that distinguish it from others of its config."""
    return run.name.rpartition("-")[0]


class Progress:
    """Receives the events of a run, and ignores them; the classes below show them."""

    def preparing(self, config: Config) -> None:
        """Data are loaded and kernels compiled next."""

    def resumed(self, step: int, reached: int) -> None:
        """A run that had reached a step, as far as is known, is resumed after `step`, that of its last checkpoint."""

    def started(self, prepared: PreparedRun, step: int) -> None:
        """Training begins, after step `step` if the run is resumed."""

    def epoch(self, record: Record) -> None:
        """An epoch ended, with this record."""

    def note(self, text: str) -> None:
        """Something about the run that its user should know."""

    def stopped(self, path: Path) -> None:
        """The run failed, diverged or was interrupted."""

    def finished(self, result: Result) -> None:
        """The run is finished."""


class ProgressLines(Progress):
    """Prints plain lines: about ten of the epochs, and the last."""

    config: Config

    def __init__(self, output: TextIO) -> None:
        self.output = output
        self.epochs = 0
        self.trained_epochs = 0
        self.seconds = 0.0
        self.samples = 0.0

    def print(self, line: str = "") -> None:
        """Print a line at once; the run continues if nothing reads the output any more."""
        with suppress(BrokenPipeError):
            print(printable(line), file=self.output, flush=True)

    def preparing(self, config: Config) -> None:
        """Print what is trained on what."""
        self.config = config
        plugins = filter(None, (config.model, config.data, config.loss, config.optimizer))
        names = {plugin.kind: plugin.name for plugin in plugins} | {"loss": name_of_loss(config.resolved()["loss"])}
        self.print(f"{config.name}: {', '.join(f'{kind} {name}' for kind, name in names.items())}")

    def resumed(self, step: int, reached: int) -> None:
        """Print from where the run continues, and how many steps are repeated."""
        where = f"resumed after step {step:,}" if step else "resumed from the first step, as there is no checkpoint"
        repeated = f"; {counted(reached - step, 'step')} after it are repeated" if reached > step > 0 else ""
        self.print(where + repeated)

    def started(self, prepared: PreparedRun, step: int) -> None:  # noqa: ARG002  `resumed` has printed it
        """Print the numbers of examples, features, weights and steps."""
        self.epochs = prepared.epochs
        sizes = [f"{len(examples):,} to {PURPOSES[name]}" for name, examples in prepared.splits.items()]
        self.print(f"examples: {', '.join(sizes)}; {counted(prepared.train.inputs.shape[1], 'feature')}")
        for note in prepared.notes:
            self.note(note)
        self.print(f"{prepared.trained}, {counted(prepared.steps, 'step')}")

    def note(self, text: str) -> None:
        """Print a line."""
        self.print(f"note: {text}")

    def epoch(self, record: Record) -> None:
        """Print the first metrics of some of the epochs."""
        self.add(record)
        number = record["epoch"]
        if number in (1, self.epochs) or number % -(-self.epochs // SHOWN_EPOCHS) == 0:
            self.print(f"epoch {number:>{len(str(self.epochs))}}/{self.epochs}  {'   '.join(first_metrics(record))}")

    def add(self, record: Record) -> None:
        """Add up the epochs, their time and their samples."""
        self.trained_epochs += 1
        self.seconds += record["seconds"]
        self.samples += record["seconds"] * record["samples_per_second"]

    def stopped(self, path: Path) -> None:
        """Print where the results so far are, and how to continue."""
        self.print(f"stopped; the results so far are in {path}")
        if Run(path).status != "diverged":  # resumed, it would diverge at the same step
            self.print(f"resume      {command_line('resume', path)}")
            return
        for change in remedies_for_divergence(self.config):
            again = command_line("run", path / "config.yaml", "--set", change, *runs_option(path))
            self.print(f"run again   {again}")

    def finished(self, result: Result) -> None:
        """Print the metrics, where the run is, and what to do next."""
        self.print()
        for line in metrics_table(result.final):
            self.print(line)
        self.print()
        if self.trained_epochs:
            epochs, speed = counted(self.trained_epochs, "epoch"), self.samples / self.seconds
            self.print(f"trained     {epochs} in {self.seconds:.2f} s, {speed:,.0f} samples per second")
        path = result.path
        config, option = path / "config.yaml", runs_option(path)
        self.print(f"run         {path}")
        seed = f"seed={result.config['seed'] + 1}"
        self.print(f"run again   {command_line('run', config, '--set', seed, *option)}")
        repeats = ("--set", "sweep.repeats=4", "--jobs", "2")
        self.print(f"sweep       {command_line('sweep', config, *repeats, *option)}")
        if related := related_run(path, result.config):
            self.print(f"compare     {command_line('compare', related, path)}")
        self.print(f"report      {command_line('report', path, '-o', 'report.html')}")
        for term in terms_of(result.config["loss"]):
            self.print(f"the loss    {command_line('show', term['name'])}")


class ProgressBar(ProgressLines):
    """Draws a progress bar on a terminal."""

    def __init__(self, output: TextIO) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__(output)
        bar = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(24), TimeRemainingColumn())
        metrics = TextColumn("{task.description}", markup=False)
        self.bar = Progress(*bar, metrics, console=Console(file=output), transient=True)
        self.task = self.bar.add_task("")

    def started(self, prepared: PreparedRun, step: int) -> None:
        """Print the sizes of the run, and draw the bar."""
        super().started(prepared, step)
        self.bar.update(self.task, total=self.epochs, completed=step // prepared.steps_per_epoch)
        self.bar.start()

    def note(self, text: str) -> None:
        """Print a line above the bar."""
        self.bar.console.print(printable(f"note: {text}"), markup=False, highlight=False)

    def epoch(self, record: Record) -> None:
        """Advance the bar."""
        self.add(record)
        self.bar.update(self.task, advance=1, description=printable(first_metrics(record)[-1]))

    def stopped(self, path: Path) -> None:
        """Stop drawing the bar."""
        self.bar.stop()
        super().stopped(path)

    def finished(self, result: Result) -> None:
        """Replace the bar by the table of metrics."""
        self.bar.stop()
        super().finished(result)


def progress_for(output: TextIO | None = None) -> Progress:
    """Choose the bar for a terminal, if rich is installed, and plain lines for any other output."""
    from importlib.util import find_spec

    output = output or sys.stdout
    return ProgressBar(output) if output.isatty() and find_spec("rich") else ProgressLines(output)


def runs_option(path: Path) -> list[str]:
    """The option with which a command puts another run beside this one, if it would not do so by default."""
    return ["--runs", str(path.parent)] if path.parent != files.root_of(None) else []


def remedies_for_divergence(config: Config) -> Iterator[str]:
    """Changes of a config that may avoid divergence: a smaller learning rate, and a limit on the gradient."""
    if config.optimizer is None:
        return
    if "lr" in config.optimizer.parameters:
        yield f"optimizer.lr={config.optimizer.parameters['lr'] / 10:.3g}"
    if config.train.clip_norm is None:
        yield "train.clip_norm=1"


def by_metric(record: Record) -> dict[str, dict[str, float]]:
    """The metrics of a record: for each metric its value on each split."""
    metrics: dict[str, dict[str, float]] = {}
    for key, value in record.items():
        split, _, metric = key.partition("_")
        if split in PURPOSES:
            metrics.setdefault(metric, {})[split] = value
    return metrics


def first_metrics(record: Record) -> list[str]:
    """The first two metrics of each split."""
    metrics = list(by_metric(record).items())[:2]
    splits = metrics[0][1]
    return [f"{split} {' '.join(f'{name} {values[split]:.4f}' for name, values in metrics)}" for split in splits]


def metrics_table(record: Record) -> list[str]:
    """The lines of a table with a row for each metric of an epoch, and a column for each split."""
    metrics = by_metric(record)
    splits = list(next(iter(metrics.values())))
    header = [f"epoch {record['epoch']}", *(split.rjust(10) for split in splits)]
    rows = [[metric, *(f"{values[split]:.4f}" for split in splits)] for metric, values in metrics.items()]
    return columns([header, *rows], [False, *(True for _ in splits)])
