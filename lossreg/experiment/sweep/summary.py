"""The results of a sweep: mean and standard deviation over seeds for each config, the best first.

    summary.json     the metric, and for each config its values, mean, standard deviation and trials
    summary.csv      the same as a table
    best.yaml        the best config, with all defaults filled in; `lossreg run` takes it

A config with a trial that failed, diverged or was pruned is ranked after all others, whatever its mean.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from html import escape
from math import isnan, nan
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.keys import REPLICATES
from lossreg.experiment.config.yaml_syntax import dump
from lossreg.experiment.runner.notebook_html import chart, table
from lossreg.experiment.storage import files, locks
from lossreg.experiment.storage.records import best_of, metrics_of, plain
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep.run_trial import PRUNED, status_of
from lossreg.experiment.sweep.trials import describe_value
from lossreg.experiment.training.loop import index_of_best
from lossreg.formatting import csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from lossreg.experiment.sweep.trials import Trial


SHOWN_CONFIGS, SHOWN_CURVES = 20, 5
"""How many of the best configs a notebook shows in a table, and how many as curves, of a trial each."""


@dataclass(frozen=True)
class ConfigResult:
    """The result of one config: its trials, which differ only in their seeds, and their scores."""

    values: dict[str, Any]
    trials: list[Trial]
    scores: list[float]
    """The metric of each trial that finished and has it."""

    @property
    def complete(self) -> bool:
        """Whether all trials have the metric."""
        return len(self.scores) == len(self.trials)

    @cached_property
    def mean(self) -> float:
        """The mean of the metric."""
        return fmean(self.scores) if self.scores else nan

    @cached_property
    def deviation(self) -> float:
        """The standard deviation of the metric; nan for a single trial."""
        return stdev(self.scores) if len(self.scores) > 1 else nan


@dataclass(frozen=True)
class Summary:
    """The results of a sweep: its directory, the metric, and the result of each config, the best first."""

    path: Path
    metric: str
    goal: str
    configs: list[ConfigResult]
    statuses: dict[str, str]
    """The status of each trial, by the name of its directory."""

    @property
    def counts(self) -> dict[str, int]:
        """How many trials have each status."""
        return dict(Counter(self.statuses.values()))

    @property
    def best(self) -> ConfigResult | None:
        """The best config, if any has the metric."""
        return self.configs[0] if self.configs and self.configs[0].scores else None

    def rows(self) -> list[dict[str, Any]]:
        """The rows of a table, one for each config."""
        return [
            {
                **{key: value if is_scalar(value) else describe_value(value) for key, value in config.values.items()},
                self.metric: config.mean if config.scores else None,
                "std": config.deviation if len(config.scores) > 1 else None,
                "n": len(config.scores) if config.complete else self.incomplete(config),
            }
            for config in self.configs
        ]

    def incomplete(self, config: ConfigResult) -> str:
        """How many trials of a config have the metric, and when it was pruned if it was."""
        count = f"{len(config.scores)} of {len(config.trials)}"
        if PRUNED not in (self.statuses[trial.id] for trial in config.trials):
            return count
        last = [record.get("epoch", 0) for trial in config.trials for record in Run(self.path / trial.id).records[-1:]]
        return f"{count}, pruned after epoch {max(last, default=0)}"

    def _repr_html_(self) -> str:
        rows = self.rows()
        keys = list(dict.fromkeys(key for row in rows for key in row))
        metric = self.metric.removeprefix("best.")
        curves = {}
        for config in self.configs[:SHOWN_CURVES]:
            records = Run(self.path / config.trials[0].id).records
            name = ", ".join(f"{key} {describe_value(value)}" for key, value in config.values.items())
            curves[name] = [float(record.get(metric, nan)) for record in records]
        lines = [[row.get(key) for key in keys] for row in rows[:SHOWN_CONFIGS]]
        rest = f"<p>and {len(rows) - SHOWN_CONFIGS} more</p>" if len(rows) > SHOWN_CONFIGS else ""
        head = f"<p><code>{escape(str(self.path))}</code></p>"
        return f"{head}{table(keys, lines)}{rest}<div>{chart(metric, curves) if curves else ''}</div>"

    def write(self) -> None:
        """Write the summary into the sweep's directory, unless another process is writing the same."""
        lock = locks.acquire(self.path)
        if lock is not None:
            with lock:
                self.write_files()

    def write_files(self) -> None:
        """Write the files of the summary."""
        configs = [
            {
                "values": config.values,
                "mean": config.mean,
                "std": config.deviation,
                "n": len(config.scores),
                "trials": {trial.id: self.statuses[trial.id] for trial in config.trials},
            }
            for config in self.configs
        ]
        content = {"metric": self.metric, "goal": self.goal, "counts": self.counts, "configs": configs}
        files.write(self.path / "summary.json", json.dumps(plain(content), indent=2, allow_nan=False) + "\n")
        rows, text = self.rows(), io.StringIO()
        table, keys = csv.writer(text, lineterminator="\n"), dict.fromkeys(key for row in rows for key in row)
        table.writerow(map(csv_cell, keys))
        table.writerows([csv_cell(row.get(key)) for key in keys] for row in rows)
        files.write(self.path / "summary.csv", text.getvalue())
        if self.best:
            row = ", ".join(f"{key}={describe_value(value)}" for key, value in rows[0].items() if value is not None)
            config = dump(self.best.trials[0].config.resolved())
            files.write(self.path / "best.yaml", f"# The best of {len(rows)} configs of a sweep: {row}\n\n{config}")


def summarise(trials: Iterable[Trial], path: Path, metric: str, goal: str) -> Summary:
    """Summarise the results in the directories of trials."""
    trials = list(trials)
    statuses = {trial.id: status_of(path / trial.id) or "failed" for trial in trials}  # it could not be written
    results = [config_result(members, path, metric) for members in by_config(trials)]
    sign = -1 if goal == "max" else 1
    results.sort(key=lambda each: (not each.complete, not each.scores, sign * each.mean if each.scores else 0))
    return Summary(path, metric, goal, results, statuses)


def by_config(trials: Iterable[Trial]) -> list[list[Trial]]:
    """The trials of each config, which differ only in seed and fold."""
    found: dict[str, list[Trial]] = {}
    for trial in trials:
        content = trial.config.resolved()
        content |= {"seed": None, "data": {**content["data"], "fold": None}}
        found.setdefault(repr(content), []).append(trial)
    return list(found.values())


def config_result(trials: list[Trial], path: Path, metric: str) -> ConfigResult:
    """Read the scores of the trials of one config."""
    scores = [score(Run(path / trial.id), metric) for trial in trials]
    values = {key: value for key, value in trials[0].values.items() if key not in REPLICATES or len(trials) == 1}
    return ConfigResult(values, trials, [value for value in scores if not isnan(value)])


def score(run: Run, metric: str) -> float:
    """A metric of a run's final weights, or with the prefix `best.` the best of any epoch; nan without a result."""
    if run.state.get("status") != "finished" or not run.records:
        return nan
    if metric.startswith("best."):
        return float(run.best.get(metric.removeprefix("best."), nan))
    return float(metrics_of(final_record(run)).get(metric, nan))


def score_at(run: Run, metric: str, epoch: int) -> float:
    """A metric of a run after an epoch, or after its last if it has fewer; nan for a run that failed or diverged."""
    records = [record for record in run.records if record.get("epoch", 0) <= epoch]
    if not records or run.state.get("status") in ("failed", "diverged"):
        return nan
    if metric.startswith("best."):
        return float(best_of(records).get(metric.removeprefix("best."), nan))
    return float(metrics_of(records[-1]).get(metric, nan))


def final_record(run: Run) -> dict[str, Any]:
    """The record of the epoch of a run's final weights."""
    if not run.config.get("train", {}).get("restore_best"):
        return run.records[-1]
    monitored = "validation_loss" if "validation_loss" in run.records[-1] else "train_loss"
    return run.records[index_of_best([metrics_of(record).get(monitored, nan) for record in run.records])]


def is_scalar(value: Any) -> bool:
    """Whether a value fits into a cell of a table unchanged."""
    return isinstance(value, int | float | str | bool | None)
