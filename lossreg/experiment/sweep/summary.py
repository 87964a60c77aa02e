"""What came of a sweep: mean and spread over seeds of each config, the best first.

    summary.json     the metric, and each config with its values, mean, standard deviation and trials
    summary.csv      the same as a table
    best.yaml        the best config, with every default filled in: lossreg run takes it

A config of which a trial failed or diverged comes after all of which none did, whatever its mean.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from math import isnan, nan
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.yaml_document import dump
from lossreg.experiment.storage import files, locks
from lossreg.experiment.storage.records import metrics_of, plain
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep.run_trial import status_of
from lossreg.experiment.sweep.trials import brief
from lossreg.experiment.training.loop import index_of_best

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lossreg.experiment.sweep.trials import Trial


@dataclass(frozen=True)
class ConfigResult:
    """The trials of one config, which differ by nothing but their seeds."""

    values: dict[str, Any]
    trials: list[Trial]
    scores: list[float]
    """The metric of each trial that finished and has it."""

    @property
    def complete(self) -> bool:
        """Whether every trial has the metric."""
        return len(self.scores) == len(self.trials)

    @cached_property
    def mean(self) -> float:
        """The mean of the metric."""
        return fmean(self.scores) if self.scores else nan

    @cached_property
    def spread(self) -> float:
        """The standard deviation, of which one trial has none."""
        return stdev(self.scores) if len(self.scores) > 1 else nan


@dataclass(frozen=True)
class Summary:
    """What came of a sweep: its directory, the metric, and the configs, the best first."""

    path: Path
    metric: str
    goal: str
    groups: list[ConfigResult]
    statuses: dict[str, str]
    """How each trial ended, by its directory."""

    @property
    def counts(self) -> dict[str, int]:
        """How many trials ended how."""
        return dict(Counter(self.statuses.values()))

    @property
    def best(self) -> ConfigResult | None:
        """The best config, if any has the metric."""
        return self.groups[0] if self.groups and self.groups[0].scores else None

    def rows(self) -> list[dict[str, Any]]:
        """A row for each config."""
        return [
            {
                **{key: value if is_scalar(value) else brief(value) for key, value in group.values.items()},
                self.metric: group.mean if group.scores else None,
                "std": group.spread if len(group.scores) > 1 else None,
                "n": len(group.scores) if group.complete else f"{len(group.scores)} of {len(group.trials)}",
            }
            for group in self.groups
        ]

    def write(self) -> None:
        """Write it into the sweep's directory, unless another process is about to write the same."""
        lock = locks.acquire(self.path)
        if lock is not None:
            with lock:
                self.write_files()

    def write_files(self) -> None:
        """Write it into the sweep's directory."""
        configs = [
            {
                "values": group.values,
                "mean": group.mean,
                "std": group.spread,
                "n": len(group.scores),
                "trials": {trial.id: self.statuses[trial.id] for trial in group.trials},
            }
            for group in self.groups
        ]
        content = {"metric": self.metric, "goal": self.goal, "counts": self.counts, "configs": configs}
        files.write(self.path / "summary.json", json.dumps(plain(content), indent=2, allow_nan=False) + "\n")
        rows, text = self.rows(), io.StringIO()
        table = csv.DictWriter(text, list(dict.fromkeys(key for row in rows for key in row)), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        files.write(self.path / "summary.csv", text.getvalue())
        if self.best:
            row = ", ".join(f"{key}={brief(value)}" for key, value in rows[0].items() if value is not None)
            config = dump(self.best.trials[0].config.resolved())
            files.write(self.path / "best.yaml", f"# The best of {len(rows)} configs of a sweep: {row}\n\n{config}")


def summarise(trials: Iterable[Trial], path: Path, metric: str, goal: str) -> Summary:
    """Read what came of trials from their directories."""
    groups: dict[str, list[Trial]] = {}
    statuses: dict[str, str] = {}
    for trial in trials:
        groups.setdefault(repr({**trial.config.resolved(), "seed": None}), []).append(trial)
        statuses[trial.id] = status_of(path / trial.id)
    found = [group_of(members, path, metric) for members in groups.values()]
    sign = -1 if goal == "max" else 1
    found.sort(key=lambda group: (not group.complete, not group.scores, sign * group.mean if group.scores else 0))
    return Summary(path, metric, goal, found, statuses)


def group_of(trials: list[Trial], path: Path, metric: str) -> ConfigResult:
    """The trials of one config, with what came of them."""
    scores = [score(Run(path / trial.id), metric) for trial in trials]
    values = {key: value for key, value in trials[0].values.items() if key != "seed" or len(trials) == 1}
    return ConfigResult(values, trials, [value for value in scores if not isnan(value)])


def score(run: Run, metric: str) -> float:
    """A metric of a run: that of its final weights, or with `best.` the best of any epoch; nan without a result."""
    if run.state.get("status") != "finished" or not run.records:
        return nan
    if metric.startswith("best."):
        return float(run.best.get(metric.removeprefix("best."), nan))
    return float(metrics_of(final(run)).get(metric, nan))


def final(run: Run) -> dict[str, Any]:
    """The record of the epoch that a run's final weights are from."""
    if not run.config.get("train", {}).get("restore_best"):
        return run.records[-1]
    watched = "validation_loss" if "validation_loss" in run.records[-1] else "train_loss"
    return run.records[index_of_best([record[watched] for record in run.records])]


def is_scalar(value: Any) -> bool:
    """Whether a value fits into a cell of a table as it is."""
    return isinstance(value, int | float | str | bool | None)
