"""Groups of runs: those of one config, which differ in seed and fold only, or those with one value of a key.

Each group has the mean and the standard deviation of a metric over its runs, and a paired test against the best group,
over the runs of both that are equal in everything else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isnan, nan
from statistics import fmean, stdev
from typing import TYPE_CHECKING, Any

from lossreg.errors import UnknownName, nearest
from lossreg.experiment.config.keys import FOLD, REPLICATES
from lossreg.experiment.report.comparison import incomparable, is_comparable, is_implied
from lossreg.experiment.report.paired_test import holm, paired_p
from lossreg.experiment.storage import untrusted
from lossreg.experiment.storage.query import differing
from lossreg.experiment.storage.records import JUDGING, SPLITS, higher_is_better, measured_on
from lossreg.experiment.storage.runs import metric_keys
from lossreg.experiment.sweep.summary import score

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lossreg.experiment.storage.runs import Run


@dataclass(frozen=True)
class RunGroup:
    """Some runs, what they have in common, and the metric of each, by what distinguishes it from the others."""

    values: dict[str, Any]
    runs: list[Run]
    scores: dict[tuple[str, ...], list[float]]

    @property
    def numbers(self) -> list[float]:
        """The metric of each run that has it."""
        return [value for values in self.scores.values() for value in values]

    @cached_property
    def mean(self) -> float:
        """The mean of the metric; nan without any."""
        return fmean(self.numbers) if self.scores else nan

    @cached_property
    def deviation(self) -> float | None:
        """The standard deviation of the metric; None for fewer than two runs."""
        return stdev(self.numbers) if len(self.numbers) > 1 else None

    @cached_property
    def pruned_after(self) -> int:
        """The epoch after which the runs of the group were pruned; 0 if none was."""
        last = [run.records[-1].get("epoch", 0) for run in self.runs if run.status == "pruned" and run.records]
        return max(last, default=0)

    def mean_when_pruned(self, metric: str) -> float:
        """The mean of a metric over the runs that were pruned, at that time."""
        key = metric.removeprefix("best.")
        values = [run.final.get(key, nan) for run in self.runs if run.status == "pruned"]
        return fmean(values) if values else nan

    @property
    def count(self) -> int | str:
        """How many runs have the metric, and of how many if not all do."""
        found = len(self.numbers)
        return found if found == len(self.runs) else f"{found} of {len(self.runs)}"


@dataclass(frozen=True)
class GroupComparison:
    """Groups of runs, the best first.

    `keys` distinguish the groups; keys that follow from others, such as a parameter that one loss has, are left out.
    `replicates` are the keys in which the runs of a group differ.
    """

    metric: str
    rises: bool
    keys: list[str]
    replicates: list[str]
    groups: list[RunGroup]

    @cached_property
    def p_values(self) -> list[float | None]:
        """For each group the p-value of the paired test against the best group, corrected for their number by Holm."""
        tested = [self.paired(group) for group in self.groups[1:]]
        return [None, *holm(tested)]

    def paired(self, group: RunGroup) -> float | None:
        """The p-value of the paired test of a group against the best one."""
        best = self.groups[0].scores
        shared = [key for key in best if key in group.scores]
        place = self.replicates.index(FOLD) if FOLD in self.replicates else None
        folds = 0 if place is None else len({key[place] for key in shared})
        return paired_p([fmean(group.scores[key]) - fmean(best[key]) for key in shared], folds)

    @property
    def is_replicated(self) -> bool:
        """Whether there are several groups, and one of several runs."""
        return len(self.groups) > 1 and any(len(group.runs) > 1 for group in self.groups)

    def rows(self) -> list[dict[str, Any]]:
        """The rows of a table, one for each group."""
        return [
            {
                self.metric: None if isnan(group.mean) else group.mean,
                "std": group.deviation,
                "n": group.count,
                "p": p,
                **group.values,
            }
            for group, p in zip(self.groups, self.p_values, strict=True)
        ]


def compare_groups(runs: Sequence[Run], by: Iterable[str] = (), metric: str | None = None) -> GroupComparison | None:
    """Compare runs in groups by some keys, or by config; None if no metric can be compared.

    Raises UnknownName for a key or a metric that no run has.
    """
    differ = differing(runs)
    keys = [full_key(runs, key) for key in by] or [key for key in differ if key not in REPLICATES]
    metric = checked_metric(runs, metric) if metric else default_metric(runs)
    if metric is None:
        return None
    chosen = {key.removesuffix(".name") for key in keys if key.endswith(".name")}
    rest = [key for key in differ if key not in keys and key.partition(".")[0] not in chosen]
    members: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        members.setdefault(identity(run, keys), []).append(run)
    groups = [group_of(each, keys, rest, metric) for each in members.values()]
    rises = higher_is_better(metric.removeprefix("best."))
    groups.sort(key=lambda group: rank(group, metric, rises=rises))
    shown = [key for key in keys if not is_implied(runs, key)] or keys
    return GroupComparison(metric, rises, shown, rest, groups)


def rank(group: RunGroup, metric: str, *, rises: bool) -> tuple[float, ...]:
    """The key by which groups are sorted: complete ones first, those without a result last, pruned ones by epoch."""
    value = group.mean if group.scores else group.mean_when_pruned(metric)
    order = 0.0 if isnan(value) else -value if rises else value
    return (not group.scores, len(group.numbers) < len(group.runs), -group.pruned_after, order)


def group_of(runs: list[Run], keys: list[str], rest: list[str], metric: str) -> RunGroup:
    """The group of some runs that are equal in `keys`; those of `rest` distinguish them."""
    scores: dict[tuple[str, ...], list[float]] = {}
    for run in runs:
        if not isnan(value := score(run, metric)):
            scores.setdefault(identity(run, rest), []).append(value)
    values = {key: runs[0].settings[key] for key in keys if key in runs[0].settings}
    return RunGroup(values, runs, scores)


def identity(run: Run, keys: Iterable[str]) -> tuple[str, ...]:
    """The values of some keys of a run, as text that can be compared."""
    return tuple(repr(run.settings[key]) if key in run.settings else "" for key in keys)


def full_key(runs: Sequence[Run], key: str) -> str:
    """The key of a config that is meant: `loss` stands for `loss.name`. Raises UnknownName for one that no run has."""
    known = dict.fromkeys(name for run in runs for name in run.settings)
    for name in (key, f"{key}.name"):
        if name in known:
            return name
    raise UnknownName(f"--by: no run has a {key!r}; " + (nearest(key, known) or f"there are {', '.join(known)}"))


def checked_metric(runs: Sequence[Run], metric: str) -> str:
    """A metric that runs have; raises UnknownName for any other."""
    known = metric_keys(runs)
    if metric.removeprefix("best.") not in known:
        hint = nearest(metric, known) or f"there are {', '.join(known)}"
        raise UnknownName(f"--metric: no run has a {metric!r}; {hint}")
    return metric


def default_metric(runs: Sequence[Run]) -> str | None:
    """The metric by which runs are ranked: that of their sweep, or else the first one that can be compared."""
    folders = {run.path.resolve().parent for run in runs}
    known = metric_keys(runs)
    if len(folders) == 1:
        try:
            summary = untrusted.read_json(folders.pop() / "summary.json")
        except (FileNotFoundError, untrusted.Unreadable):
            summary = None
        metric = summary.get("metric") if isinstance(summary, dict) else None
        if isinstance(metric, str) and metric.removeprefix("best.") in known:
            return metric
    suffixes = incomparable(runs)
    comparable = [key for key in known if measured_on(key) in SPLITS and is_comparable(key, suffixes)]
    return next((key for split in JUDGING for key in comparable if measured_on(key) == split), None)
