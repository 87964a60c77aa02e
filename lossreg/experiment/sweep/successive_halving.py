"""Trials of which the worse configs are stopped early: successive halving.

All configs are trained for a few epochs; the best of them, one of `factor`, are trained for `factor` times as many, and
so on until one is left or all have come to their end. A config is judged by its mean over seeds and folds, and all are
judged together, when the last has reached the epoch. The results therefore depend on neither the number of jobs, nor
the engine, nor on where the sweep was stopped and started again. In a sweep to which configs are added later, those
that were pruned stay so.
"""

from __future__ import annotations

from collections import deque
from math import isnan
from statistics import fmean
from typing import TYPE_CHECKING

from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep.run_trial import PAUSED, PRUNED, record_pruned
from lossreg.experiment.sweep.summary import by_config, score_at

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from lossreg.experiment.config.pruner_config import PrunerConfig
    from lossreg.experiment.sweep.trials import Trial

Ended = list[tuple["Trial", str]]
"""Trials that have ended, with the status of each."""


class HalvingTrials:
    """A source of trials that are judged together after some epochs, and then stopped or continued."""

    def __init__(self, trials: list[Trial], path: Path, metric: str, goal: str, pruner: PrunerConfig) -> None:
        self.trials, self.total = trials, len(trials)
        self.path, self.metric, self.sign, self.pruner = path, metric, -1 if goal == "max" else 1, pruner
        self.configs = by_config(trials)
        self.epoch = pruner.next_epoch(0)
        self.waiting = deque(trials)
        self.pending = {trial.id for trial in trials}
        self.paused: set[str] = set()

    def take(self) -> Trial | None:
        """The next trial to be trained until it is judged, if there is one."""
        return self.waiting.popleft() if self.waiting else None

    def until(self, trial: Trial) -> int | None:  # noqa: ARG002  all trials are judged together
        """After which epoch a trial is judged; the last config that is left is trained to its end."""
        return self.epoch if len(self.configs) > 1 else None

    def ended(self, trial: Trial, status: str) -> Ended:
        """Record how a trial ended, or that it is to be judged; returns the trials that have ended by that."""
        self.pending.discard(trial.id)
        ended = [] if status == PAUSED else [(trial, status)]
        if status == PAUSED:
            self.paused.add(trial.id)
        return ended if self.pending else ended + self.judge()

    def judge(self) -> Ended:
        """Stop the trials of all configs but the best, and queue those of the best to be continued."""
        if not self.paused:
            return []
        ranked = sorted(self.configs, key=self.rank)
        kept = max(1, len(ranked) // self.pruner.parameters["factor"])
        ended: Ended = []
        for config in ranked[kept:]:
            for trial in config:
                if trial.id in self.paused:
                    value = score_at(Run(self.path / trial.id), self.metric, self.epoch)
                    place = f"not one of the best {kept} of {len(ranked)} configs"
                    record_pruned(self.path / trial.id, self.metric, value, self.epoch, place)
                    ended.append((trial, PRUNED))
        self.configs = ranked[:kept]
        going_on = [trial for config in self.configs for trial in config if trial.id in self.paused]
        self.epoch, self.paused = self.pruner.next_epoch(self.epoch), set()
        self.waiting.extend(going_on)
        self.pending = {trial.id for trial in going_on}
        return ended

    def rank(self, config: Sequence[Trial]) -> tuple[bool, float]:
        """The key by which configs are sorted, the best first: those that lack a result come last."""
        scores = [score_at(Run(self.path / trial.id), self.metric, self.epoch) for trial in config]
        mean = fmean(scores)
        return isnan(mean), 0.0 if isnan(mean) else self.sign * mean
