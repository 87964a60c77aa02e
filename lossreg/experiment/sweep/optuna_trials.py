"""Trials that Optuna proposes by what came of earlier ones, which are told anew whenever the sweep is run.

There is no database. A proposal follows from the sweep's seed, its number, and what is known when it is made; each of
its trials keeps the number and the values in proposal.json. With one job, a sweep that was stopped and run again makes
the same proposals as one that was not.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import suppress
from math import inf
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lossreg.experiment.extras import optional_imports
from lossreg.experiment.storage import directories, files
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep.summary import score
from lossreg.experiment.sweep.trials import SweptValue

if TYPE_CHECKING:
    from pathlib import Path

    from lossreg.experiment.config.sweep_config import SweptKey
    from lossreg.experiment.sweep.trials import SweepPlan, Trial

PROPOSAL = "proposal.json"


class OptunaTrials:
    """Trials, as Optuna's TPE proposes them."""

    def __init__(self, plan: SweepPlan, path: Path, metric: str, goal: str) -> None:
        with optional_imports():
            import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, self.path, self.metric, self.goal = plan, path, metric, goal
        self.study = optuna.create_study(direction="maximize" if goal == "max" else "minimize")
        self.distributions = {axis.name: distribution(axis) for axis in plan.block.draw}
        self.numbers = iter(range(plan.block.trials or 0))
        self.waiting: deque[Trial] = deque()
        self.asked: dict[int, Any] = {}
        self.open: dict[int, list[Trial]] = {}
        self.trials: list[Trial] = []
        self.total = (plan.block.trials or 0) * plan.block.repeats
        self.known = self.proposed()

    def take(self) -> Trial | None:
        """The next trial, if there is one."""
        number = None if self.waiting else next(self.numbers, None)
        if number is not None:
            self.propose(number)
        return self.waiting.popleft() if self.waiting else None

    def propose(self, number: int) -> None:
        """Ask for the values of a proposal, or take those that it had, and make its trials."""
        from optuna.samplers import TPESampler

        if number in self.known:
            self.study.enqueue_trial(self.known[number])
        self.study.sampler = TPESampler(seed=(self.plan.block.seed * 1_000_003 + number) % 2**32)
        self.asked[number] = self.study.ask(self.distributions)
        chosen = self.asked[number].params
        values = tuple(
            SweptValue(axis.key, axis.values[chosen[axis.name]], (*axis.origin, "choice", chosen[axis.name]))
            if axis.distribution == "choice"
            else SweptValue(axis.key, chosen[axis.name], axis.origin)
            for axis in self.plan.block.draw
        )
        self.open[number] = [self.plan.trial(each, number) for each in self.plan.repeated(values)]
        for trial in self.open[number]:
            folder = self.path / trial.id
            directories.ensure(folder, "run")
            content = {"number": number, "values": {axis: trial.values[axis] for axis in self.distributions}}
            if not (folder / PROPOSAL).exists():
                files.write(folder / PROPOSAL, json.dumps(content) + "\n")
        self.waiting.extend(self.open[number])
        self.trials.extend(self.open[number])

    def tell(self, trial: Trial, status: str) -> None:
        """Take note of how a trial ended; once all of a proposal have, of what came of it."""
        self.open[trial.number].remove(trial)
        asked = self.asked[trial.number]
        asked.set_user_attr(trial.id, status)
        if self.open[trial.number]:
            return
        statuses = asked.user_attrs
        if "failed" in statuses.values():
            self.study.tell(asked, state=failed())
        elif "diverged" in statuses.values():
            self.study.tell(asked, -inf if self.goal == "max" else inf)
        else:
            self.study.tell(asked, fmean(score(Run(self.path / name), self.metric) for name in statuses))

    def proposed(self) -> dict[int, dict[str, Any]]:
        """What was proposed before, by number, as far as it could be now."""
        found = {}
        for file in sorted(self.path.glob(f"*/{PROPOSAL}")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                content = json.loads(file.read_text("utf-8"))
                found[content["number"]] = {
                    axis.name: parameter(axis, content["values"][axis.name]) for axis in self.plan.block.draw
                }
        return found


def distribution(axis: SweptKey) -> Any:
    """An axis as Optuna has it; of a choice it gets the places, since it takes no lists."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    if axis.distribution == "choice":
        return CategoricalDistribution(range(len(axis.values)))
    low, high = axis.values
    return FloatDistribution(low, high, log=axis.distribution == "log_uniform")


def parameter(axis: SweptKey, value: Any) -> Any:
    """A value as Optuna has it; raises ValueError for one that the axis has not."""
    if axis.distribution == "choice":
        return axis.values.index(value)
    low, high = axis.values
    if not low <= value <= high:
        raise ValueError
    return value


def failed() -> Any:
    """Optuna's word for a trial without a result."""
    from optuna.trial import TrialState

    return TrialState.FAIL
