"""Trials that Optuna proposes from the results of earlier ones, which are reported to it again in each process.

There is no database. A proposal follows from the seed of the sweep, its number, and the results known when it is made;
the directory of each of its trials has the number and the values in proposal.json. With one job, a sweep that is
stopped and started again makes the same proposals as one that was not stopped.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from math import inf
from statistics import fmean
from typing import TYPE_CHECKING, Any

from lossreg.experiment.config.distributions import INTEGERS, LOGARITHMIC
from lossreg.experiment.storage import files, marked_directories, untrusted
from lossreg.experiment.storage.digests import json_file
from lossreg.experiment.storage.runs import Run
from lossreg.experiment.sweep.run_trial import PAUSED, PRUNED, record_pruned
from lossreg.experiment.sweep.summary import score, score_at
from lossreg.experiment.sweep.trials import drawn_values
from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lossreg.experiment.config.pruner_config import PrunerConfig
    from lossreg.experiment.config.sweep_config import SweptKey
    from lossreg.experiment.sweep.successive_halving import Ended
    from lossreg.experiment.sweep.trials import SweepPlan, SweptValue, Trial

PROPOSAL = "proposal.json"


class OptunaTrials:
    """A source of trials, as Optuna's TPE sampler proposes them."""

    def __init__(self, plan: SweepPlan, path: Path, metric: str, goal: str) -> None:
        with optional_imports():
            import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.plan, self.path, self.metric, self.goal = plan, path, metric, goal
        self.pruner = plan.sweep.pruner
        self.study = optuna.create_study(
            direction="maximize" if goal == "max" else "minimize",
            pruner=optuna_pruner(self.pruner),
            study_name="lossreg",  # from which, with the number of a trial, hyperband chooses a bracket
        )
        self.judged: dict[int, int] = {}
        self.distributions = {swept.name: optuna_distribution(swept) for swept in plan.sweep.draw}
        self.numbers = iter(range(plan.sweep.trials or 0))
        self.waiting: deque[Trial] = deque()
        self.proposals: dict[int, Any] = {}
        self.unfinished: dict[int, list[Trial]] = {}
        self.trials: list[Trial] = []
        self.total = (plan.sweep.trials or 0) * plan.replicates
        self.earlier = self.earlier_proposals()

    def take(self) -> Trial | None:
        """The next trial, if there is one."""
        number = None if self.waiting else next(self.numbers, None)
        if number is not None:
            self.propose(number)
        return self.waiting.popleft() if self.waiting else None

    def propose(self, number: int) -> None:
        """Ask Optuna for a proposal, or repeat an earlier one, and make its trials."""
        from optuna.samplers import TPESampler

        if number in self.earlier:
            self.study.enqueue_trial(self.earlier[number])
        self.study.sampler = TPESampler(seed=(self.plan.sweep.seed * 1_000_003 + number) % 2**32)
        self.proposals[number] = self.study.ask(self.distributions)
        proposal = self.proposals[number]

        def draw(swept: SweptKey) -> Iterator[SweptValue]:
            if name_of(swept) not in proposal.params:
                suggest(proposal, swept)
            yield from drawn_values(swept, proposal.params[name_of(swept)], draw)

        values = tuple(value for swept in self.plan.sweep.draw for value in draw(swept))
        self.unfinished[number] = [self.plan.trial(each, number) for each in self.plan.with_replicates(values)]
        for trial in self.unfinished[number]:
            folder = self.path / trial.id
            marked_directories.ensure(folder, "run")
            content = {"number": number, "values": {name: trial.values[name] for name in self.distributions}}
            inner = {name: value for name, value in proposal.params.items() if name not in self.distributions}
            content |= {"conditional": inner} if inner else {}
            if not (folder / PROPOSAL).exists():
                files.write(folder / PROPOSAL, json_file(content))
        self.waiting.extend(self.unfinished[number])
        self.trials.extend(self.unfinished[number])

    def until(self, trial: Trial) -> int | None:
        """The next epoch after which a trial is judged."""
        return self.pruner.next_epoch(self.judged.get(trial.number, 0)) if self.pruner else None

    def should_prune(self, trial: Trial) -> bool:
        """Report the results of a trial until it is judged next to Optuna, and return whether it stops the trial."""
        epoch = self.judged[trial.number] = self.until(trial) or 0
        proposal = self.proposals[trial.number]
        proposal.report(score_at(Run(self.path / trial.id), self.metric, epoch), epoch)
        return bool(proposal.should_prune())

    def ended(self, trial: Trial, status: str) -> Ended:
        """Record how a trial ended, and after the last trial of a proposal report its result to Optuna.

        A trial that has paused is judged, and then stopped or continued before any other.
        """
        if status == PAUSED:
            if not self.should_prune(trial):
                self.waiting.appendleft(trial)
                return []
            value = score_at(Run(self.path / trial.id), self.metric, self.judged[trial.number])
            name = self.pruner.name if self.pruner else ""
            record_pruned(self.path / trial.id, self.metric, value, self.judged[trial.number], f"not enough for {name}")
            status = PRUNED
        elif self.pruner:  # as it was judged before, if it ended in an earlier sweep
            last = max((record.get("epoch", 0) for record in Run(self.path / trial.id).records), default=0)
            while (self.until(trial) or 0) <= last - (status != PRUNED):
                self.should_prune(trial)
        self.tell(trial, status)
        return [(trial, status)]

    def tell(self, trial: Trial, status: str) -> None:
        """Report the result of a proposal to Optuna, after the last of its trials."""
        self.unfinished[trial.number].remove(trial)
        proposal = self.proposals[trial.number]
        proposal.set_user_attr(trial.id, status)
        if self.unfinished[trial.number]:
            return
        statuses = proposal.user_attrs
        if {"failed", PRUNED} & {*statuses.values()}:
            from optuna.trial import TrialState

            self.study.tell(proposal, state=TrialState.FAIL if "failed" in statuses.values() else TrialState.PRUNED)
        elif "diverged" in statuses.values():
            self.study.tell(proposal, -inf if self.goal == "max" else inf)
        else:
            self.study.tell(proposal, fmean(score(Run(self.path / name), self.metric) for name in statuses))

    def earlier_proposals(self) -> dict[int, dict[str, Any]]:
        """The proposals in the directories of trials, by number, as far as the sweep could still make them."""
        found = {}
        for file in sorted(self.path.glob(f"*/{PROPOSAL}")):
            with suppress(OSError, ValueError, KeyError, TypeError):
                content = untrusted.read_json(file)
                found[content["number"]] = {
                    swept.name: optuna_value(swept, content["values"][swept.name]) for swept in self.plan.sweep.draw
                } | dict(content.get("conditional", {}))
        return found


def optuna_pruner(config: PrunerConfig | None) -> Any:
    """Optuna's pruner for a config; one that stops nothing without any."""
    from optuna import pruners

    if config is None:
        return pruners.NopPruner()
    given, epochs = config.parameters, config.epochs
    startup = {"n_startup_trials": given.get("startup_trials"), "n_warmup_steps": given.get("warmup_epochs")}
    if config.name == "median":
        return pruners.MedianPruner(**startup)
    if config.name == "percentile":
        return pruners.PercentilePruner(given["percentile"], **startup)
    if config.name == "threshold":
        return pruners.ThresholdPruner(**given)
    if config.name == "hyperband":
        return pruners.HyperbandPruner(epochs, reduction_factor=given["factor"])
    return pruners.SuccessiveHalvingPruner(epochs, given["factor"])


def name_of(swept: SweptKey) -> str:
    """Optuna's name of a swept key; one that is drawn only with a choice has the index of the choice in its name."""
    choice = swept.path.index("choice") if "choice" in swept.path else None
    return swept.name if choice is None else f"{swept.name} of choice {swept.path[choice + 1]}"


def suggest(proposal: Any, swept: SweptKey) -> None:
    """Let Optuna choose a value for a key that is drawn only with a choice."""
    if swept.distribution == "choice":
        proposal.suggest_categorical(name_of(swept), range(len(swept.values)))
        return
    kind = proposal.suggest_int if swept.distribution in INTEGERS else proposal.suggest_float
    kind(name_of(swept), *swept.values, log=swept.distribution in LOGARITHMIC)


def optuna_distribution(swept: SweptKey) -> Any:
    """Optuna's distribution of a swept key; a choice is one of indices, since Optuna does not support lists."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if swept.distribution == "choice":
        return CategoricalDistribution(range(len(swept.values)))
    low, high = swept.values
    kind = IntDistribution if swept.distribution in INTEGERS else FloatDistribution
    return kind(low, high, log=swept.distribution in LOGARITHMIC)


def optuna_value(swept: SweptKey, value: Any) -> Any:
    """Optuna's value for a value of a swept key; raises ValueError for one that the key cannot have."""
    if swept.distribution == "choice":
        return swept.values.index(value)
    low, high = swept.values
    if not low <= value <= high:
        raise ValueError
    return value
