"""The trials of a sweep: each is a config of its own, and all are checked before any of them runs.

An invalid value is reported once, at its location in the sweep's config, with the trials that have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from zlib import crc32

from lossreg.errors import InvalidConfig, nearest
from lossreg.experiment.config.inheritance import compose, merge
from lossreg.experiment.config.keys import SWEEP
from lossreg.experiment.config.run_config import config_name, folds_of, is_sweep, validate
from lossreg.experiment.config.sweep_config import SweepConfig
from lossreg.experiment.config.yaml_document import Document, dotted
from lossreg.experiment.runner.trackers import check_installed
from lossreg.experiment.storage.environment import config_hash
from lossreg.experiment.storage.records import JUDGING
from lossreg.experiment.training.prepare import prepare, random_stream
from lossreg.experiment.training.tables import Tables
from lossreg.extras import optional_imports
from lossreg.formatting import as_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.config.sweep_config import SweptKey
    from lossreg.experiment.config.yaml_document import KeyPath
    from lossreg.experiment.training.prepare import PreparedRun

Item = TypeVar("Item")
Made = TypeVar("Made")


class SweptValue(NamedTuple):
    """A value of a swept key, and the path in the sweep's config where it stands."""

    key: KeyPath
    value: Any
    path: KeyPath


@dataclass(frozen=True)
class Trial:
    """One config of a sweep, and the swept values that it has."""

    config: Config = field(repr=False)
    values: dict[str, Any]
    number: int = 0
    """The number of the Optuna proposal that it belongs to, counted from 0."""

    @cached_property
    def id(self) -> str:
        """The name of the trial's directory: the loss, to recognise it, and the hash of the config."""
        return f"{self.config.loss.offer.name}-{config_hash(self.config)[:12]}"

    def __str__(self) -> str:
        return describe_values(self.values)


@dataclass(frozen=True)
class SweepPlan:
    """A sweep that has been read: the config that its trials have in common, and what to sweep."""

    name: str
    base: Document
    sweep: SweepConfig
    folds: int = 0
    """How many folds the data have, each of which is a trial of every config."""

    @classmethod
    def read(cls, source: str | Path | Mapping[str, Any], changes: Iterable[str] = ()) -> SweepPlan:
        """Read the config of a sweep (the path of a YAML file, or a dict); raises InvalidConfig."""
        document = compose(source, changes)
        if not is_sweep(document):
            document.add_problem(
                (), f"{SWEEP} is missing: expected a key such as {SWEEP}: {{grid: {{loss: [mse, l1]}}}}"
            )
            document.raise_problems()
        return cls.of(document, config_name(source, document))

    @classmethod
    def of(cls, document: Document, name: str) -> SweepPlan:
        """Read a composed config of a sweep; raises InvalidConfig."""
        document.raise_problems()
        content, folds = document.content.pop(SWEEP, {}), folds_of(document.content)
        return cls(name, document, SweepConfig.read(document, content, folds), folds)

    def combinations(self) -> Iterator[tuple[SweptValue, ...]]:
        """The values of each trial, without the seeds of repeats and the folds."""
        grid, zipped = ([swept_values(swept) for swept in keys] for keys in (self.sweep.grid, self.sweep.zip))
        draws = [self.drawn(number) for number in range(self.sweep.trials or 1)]
        for combination in product(*grid):
            for row in zip(*zipped, strict=True) if zipped else [()]:
                for draw in draws:
                    yield (*combination, *row, *draw)

    def drawn(self, number: int) -> tuple[SweptValue, ...]:
        """The values of one random draw, which do not depend on what else is drawn, so that a sweep can be extended."""

        def draw(swept: SweptKey) -> Iterator[SweptValue]:
            value = swept.draw(random_stream(self.sweep.seed, crc32(swept.name.encode()), number))
            yield from drawn_values(swept, value, draw)

        return tuple(value for swept in self.sweep.draw for value in draw(swept))

    @property
    def replicates(self) -> int:
        """How many trials each config has: one for each seed and fold."""
        return self.sweep.repeats * max(self.folds, 1)

    def with_replicates(self, values: tuple[SweptValue, ...]) -> list[tuple[SweptValue, ...]]:
        """The values with the seed of each repeat, if there are several, and with each fold."""
        found = [values]
        if self.sweep.repeats > 1:
            first = self.base.content.get("seed") or 0
            seeds = range(first, first + self.sweep.repeats) if isinstance(first, int) else [first]
            found = [(*values, SweptValue(("seed",), seed, (SWEEP, "repeats"))) for seed in seeds]
        if self.folds:
            numbers = range(1, self.folds + 1)
            found = [
                (*each, SweptValue(("data", "fold"), fold, ("data", "folds"))) for each in found for fold in numbers
            ]
        return found

    def trial(self, values: tuple[SweptValue, ...], number: int = 0) -> Trial:
        """Make the trial with some values; raises InvalidConfig."""
        document = Document(self.base.name, deepcopy(self.base.content), self.base.keys, self.base.values)
        for value in sorted(values, key=lambda value: len(value.key)):  # a loss before its parameters
            document = merge(document, self.as_document(value), document.name)
        by_name = {dotted(value.key): value.value for value in values}
        return Trial(validate(document, self.name), by_name, number)

    def as_document(self, value: SweptValue) -> Document:
        """A document with one value, whose locations are those in the sweep's config."""
        key, content = value.key, deepcopy(value.value)
        for name in reversed(key):
            content = {name: content}
        document, depth = Document("change", content), len(value.path)
        for theirs, ours in ((self.base.keys, document.keys), (self.base.values, document.values)):
            ours |= {(*key, *path[depth:]): at for path, at in theirs.items() if path[:depth] == value.path}
        swept = next((path for path in (value.path, value.path[:-1]) if path in self.base.keys), None)
        if swept:
            document.keys |= {key[:length]: self.base.keys[swept] for length in range(1, len(key) + 1)}
        return document

    def trials(self) -> list[Trial]:
        """All trials, without duplicates; raises InvalidConfig with the problems of all of them."""
        every = [values for combination in self.combinations() for values in self.with_replicates(combination)]
        trials = collect(
            every, self.trial, lambda values: describe_values({dotted(value.key): value.value for value in values})
        )
        return list({trial.id: trial for trial in trials}.values())

    def metric(self, trials: Sequence[Trial], tables: Tables | None = None) -> str:
        """The metric that decides which config is best: the one given, or the loss if all trials have the same.

        The loss is that of the validation rows, or where there are none of the test rows, or else of the training rows.
        """
        if self.sweep.metric is not None:
            return self.sweep.metric
        losses = {repr(trial.config.resolved()["loss"]) for trial in trials}
        if len(losses) > 1:
            problem = (
                "is missing: the values of different losses cannot be compared; name a metric that all trials have"
            )
            raise self.base.error(((SWEEP, "metric"), f"{problem}, such as test_accuracy or test_rmse"))
        with optional_imports():
            splits = prepare(trials[0].config, tables).splits
        return next(f"{split}_loss" for split in JUDGING if split in splits)

    def verify(self, trials: Iterable[Trial], tables: Tables | None = None) -> None:
        """Prepare the trials, as runs do, with each table loaded once; raises InvalidConfig with all problems."""
        distinct: dict[str, Trial] = {}
        for trial in trials:
            distinct.setdefault(repr(compatibility_keys(trial.config)), trial)
        with optional_imports():
            collect(distinct.values(), partial(self.verify_trial, tables=tables or Tables()), str)

    def verify_trial(self, trial: Trial, tables: Tables) -> None:
        """Prepare a trial; raises InvalidConfig, also if it will not have the sweep's metric."""
        check_installed(trial.config)
        metrics, given = metrics_of(prepare(trial.config, tables)), self.sweep.metric
        if given is not None and given.removeprefix("best.") not in metrics:
            hint = nearest(given, metrics)
            problem = f"there is no metric {given!r}" + (hint and f"; {hint}")
            raise self.base.error(((SWEEP, "metric"), f"{problem}; the metrics are {', '.join(metrics)}"))


def drawn_values(swept: SweptKey, drawn: Any, draw: Callable[[SweptKey], Iterable[SweptValue]]) -> Iterator[SweptValue]:
    """The value of a key that was drawn, of a choice its index, and those of the keys that are drawn only with it."""
    if swept.distribution != "choice":
        yield SweptValue(swept.key, drawn, swept.path)
        return
    yield SweptValue(swept.key, swept.values[drawn], (*swept.path, "choice", drawn))
    for inner in swept.conditional.get(drawn, ()):
        yield from draw(inner)


def swept_values(swept: SweptKey) -> list[SweptValue]:
    """The values of a swept key that has a list of them."""
    return [SweptValue(swept.key, value, (*swept.path, index)) for index, value in enumerate(swept.values)]


def metrics_of(prepared: PreparedRun) -> list[str]:
    """The keys of the metrics that a run will have."""
    evaluator = prepared.evaluator
    names = dict.fromkeys((*evaluator.objectives, *evaluator.metrics))
    return [f"{split}_{name}" for split in prepared.splits for name in names]


def compatibility_keys(config: Config) -> dict[str, Any]:
    """The part of a config that decides whether data, model, loss and metrics go together."""
    resolved = config.resolved()
    names = {key: resolved[key]["name"] for key in ("optimizer", "schedule") if key in resolved}
    compared = {key: value for key, value in resolved.items() if key not in ("seed", "train")} | names
    return compared | {"data": {**resolved["data"], "fold": None}}


def collect(items: Iterable[Item], make: Callable[[Item], Made], describe: Callable[[Item], str]) -> list[Made]:
    """Make something of each item; raises one InvalidConfig with each problem once, and the items that have it."""
    made, count = [], 0
    problems: dict[str, list[str]] = {}
    for count, item in enumerate(items, 1):  # noqa: B007  the last count is used below
        try:
            made.append(make(item))
        except InvalidConfig as error:
            for line in str(error).splitlines():
                problems.setdefault(line, []).append(describe(item))
    lines = []
    for line, names in problems.items():
        more = f" and {len(names) - 1} more" * (len(names) > 1)
        lines.append(line + f" (in the trial of {names[0]}{more})" * (len(names) < count))
    if lines:
        raise InvalidConfig("\n".join(lines))
    return made


def describe_values(values: Mapping[str, Any]) -> str:
    """Swept values on one line: ``loss=huber(delta=2), optimizer.lr=0.01``."""
    return ", ".join(f"{key}={describe_value(value)}" for key, value in values.items())


def describe_value(value: Any) -> str:
    """A value on one line: a plugin by its name and parameters, a number by its first digits."""
    if isinstance(value, Mapping):
        parameters = describe_values({key: inner for key, inner in value.items() if key != "name"})
        return f"{value.get('name', '')}({parameters})"
    return f"{value:.4g}" if isinstance(value, float) else as_yaml(value)
