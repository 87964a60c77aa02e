"""The trials of a sweep: each a config of its own, checked before any of them runs.

A value that no config can have is reported at its place in the block, once, with the trials that it comes up in.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from zlib import crc32

from lossreg.errors import InvalidConfig, nearest
from lossreg.experiment.config.inheritance import compose, laid_over
from lossreg.experiment.config.run_config import KEPT, SWEEP, checked, is_sweep, name_of
from lossreg.experiment.config.sweep_config import SweepConfig
from lossreg.experiment.config.yaml_document import Document, dotted
from lossreg.experiment.extras import optional_imports
from lossreg.experiment.storage.environment import config_hash
from lossreg.experiment.training.prepare import prepare, random_stream
from lossreg.formatting import as_yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.config.yaml_document import KeyPath
    from lossreg.experiment.training.prepare import PreparedRun

Given = TypeVar("Given")
Made = TypeVar("Made")


class SweptValue(NamedTuple):
    """A value of a key, and where in the block it comes from."""

    key: KeyPath
    value: Any
    origin: KeyPath


@dataclass(frozen=True)
class Trial:
    """One config of a sweep, and the values that make it."""

    config: Config = field(repr=False)
    values: dict[str, Any]
    number: int = 0
    """The proposal that it is of, counted from 0."""

    @cached_property
    def id(self) -> str:
        """The name of its directory: the loss, for people, and the hash of the config."""
        return f"{self.config.loss.offer.name}-{config_hash(self.config)[:12]}"

    def __str__(self) -> str:
        return told(self.values)


@dataclass(frozen=True)
class SweepPlan:
    """A sweep that has been read: what its trials have in common, and its block."""

    name: str
    base: Document
    block: SweepConfig

    @classmethod
    def read(cls, source: str | Path | Mapping[str, Any], changes: Iterable[str] = ()) -> SweepPlan:
        """Read the sweep of a config (the path of a YAML file, or a dict); raises InvalidConfig."""
        document = compose(source, changes, KEPT)
        if not is_sweep(document):
            document.report((), f"no {SWEEP}: expected a key such as {SWEEP}: {{grid: {{loss: [mse, l1]}}}}")
            document.check()
        return cls.of(document, name_of(source, document))

    @classmethod
    def of(cls, document: Document, name: str) -> SweepPlan:
        """Read the sweep of a config that has been put together; raises InvalidConfig."""
        document.check()
        content = document.content.pop(SWEEP)
        return cls(name, document, SweepConfig.read(document, content))

    def variants(self) -> Iterator[tuple[SweptValue, ...]]:
        """The values of each trial, but for repeats."""
        block = self.block
        grid = [
            [SweptValue(axis.key, item, (*axis.origin, at)) for at, item in enumerate(axis.values)]
            for axis in block.grid
        ]
        rows = [
            [SweptValue(axis.key, item, (*axis.origin, at)) for at, item in enumerate(axis.values)]
            for axis in block.zip
        ]
        draws = [self.drawn(number) for number in range(block.trials or 1)]
        for combination in product(*grid):
            for row in zip(*rows, strict=True) if rows else [()]:
                for draw in draws:
                    yield (*combination, *row, *draw)

    def drawn(self, number: int) -> tuple[SweptValue, ...]:
        """The values of one draw: the same whatever else is drawn, so that a sweep can grow."""
        seed = self.block.seed
        return tuple(
            SweptValue(axis.key, axis.draw(random_stream(seed, crc32(axis.name.encode()), number)), axis.origin)
            for axis in self.block.draw
        )

    def repeated(self, values: tuple[SweptValue, ...]) -> list[tuple[SweptValue, ...]]:
        """Values with the seeds of each repeat, if there are several."""
        if self.block.repeats == 1:
            return [values]
        first = self.base.content.get("seed") or 0
        seeds = range(first, first + self.block.repeats) if isinstance(first, int) else [first]
        return [(*values, SweptValue(("seed",), seed, (SWEEP, "repeats"))) for seed in seeds]

    def trial(self, values: tuple[SweptValue, ...], number: int = 0) -> Trial:
        """The trial of some values; raises InvalidConfig."""
        document = Document(self.base.name, deepcopy(self.base.content), self.base.keys, self.base.values)
        for value in sorted(values, key=lambda value: len(value.key)):  # a loss before its parameters
            document = laid_over(document, self.change(value), KEPT, document.name)
        shown = {dotted(value.key): value.value for value in values}
        return Trial(checked(document, self.name), shown, number)

    def change(self, value: SweptValue) -> Document:
        """One value as a document, whose places are those in the block."""
        key, content, places = value.key, deepcopy(value.value), self.base
        for name in reversed(key):
            content = {name: content}
        change, depth = Document("change", content), len(value.origin)
        for theirs, ours in ((places.keys, change.keys), (places.values, change.values)):
            ours |= {(*key, *path[depth:]): at for path, at in theirs.items() if path[:depth] == value.origin}
        axis = next((path for path in (value.origin, value.origin[:-1]) if path in places.keys), None)
        if axis:
            change.keys |= {key[:length]: places.keys[axis] for length in range(1, len(key) + 1)}
        return change

    def trials(self) -> list[Trial]:
        """The trials, each once; raises InvalidConfig with what is wrong with any of them."""
        every = [values for variant in self.variants() for values in self.repeated(variant)]
        found = each(every, self.trial, lambda values: told({dotted(value.key): value.value for value in values}))
        return list({trial.id: trial for trial in found}.values())

    def metric(self, trials: Sequence[Trial]) -> str:
        """The metric to choose the best by: the one given, or the loss that runs go by where it is the same for all."""
        if self.block.metric is not None:
            return self.block.metric
        losses = {repr(trial.config.loss.resolved()) for trial in trials}
        if len(losses) > 1:
            told = "is missing: losses of different kinds cannot be compared; name one that all trials have, such as"
            raise self.base.error(((SWEEP, "metric"), f"{told} test_accuracy or test_rmse"))
        return "validation_loss" if trials[0].config.data.settings["validation"] else "train_loss"

    def verify(self, trials: Iterable[Trial]) -> None:
        """Make what the trials need, as runs do; raises InvalidConfig with what is wrong."""
        distinct: dict[str, Trial] = {}
        for trial in trials:
            distinct.setdefault(repr(essential(trial.config)), trial)
        with optional_imports():
            each(distinct.values(), self.prepared, str)

    def prepared(self, trial: Trial) -> None:
        """Make what a trial needs; raises InvalidConfig, also for a metric that it will not have."""
        known, given = metrics_of(prepare(trial.config)), self.block.metric
        if given is not None and given.removeprefix("best.") not in known:
            hint = nearest(given, known)
            told = f"no metric {given!r}" + (hint and f"; {hint}") + f"; there are {', '.join(known)}"
            raise self.base.error(((SWEEP, "metric"), told))


def metrics_of(prepared: PreparedRun) -> list[str]:
    """The keys of the metrics that a run will have."""
    measure = prepared.evaluator
    names = dict.fromkeys((*measure.objectives, *measure.metrics))
    return [f"{part}_{name}" for part in prepared.splits for name in names]


def essential(config: Config) -> dict[str, Any]:
    """What of a config decides whether data, model, loss and metrics go together."""
    resolved = config.resolved()
    names = {noun: resolved[noun]["name"] for noun in ("optimizer", "schedule")}
    return {key: value for key, value in resolved.items() if key not in ("seed", "train", "trackers")} | names


def each(given: Iterable[Given], make: Callable[[Given], Made], name: Callable[[Given], str]) -> list[Made]:
    """Make something of each; raises one InvalidConfig with every problem, once, and which of them have it."""
    made, count = [], 0
    problems: dict[str, list[str]] = {}
    for count, one in enumerate(given, 1):  # noqa: B007  counted for the end
        try:
            made.append(make(one))
        except InvalidConfig as error:
            for line in str(error).splitlines():
                problems.setdefault(line, []).append(name(one))
    lines = []
    for line, names in problems.items():
        more = f" and {len(names) - 1} more" * (len(names) > 1)
        lines.append(line + f" (in the trial of {names[0]}{more})" * (len(names) < count))
    if lines:
        raise InvalidConfig("\n".join(lines))
    return made


def told(values: Mapping[str, Any]) -> str:
    """Values as people read them."""
    return ", ".join(f"{key}={brief(value)}" for key, value in values.items())


def brief(value: Any) -> str:
    """A value in short: a plugin by its name and parameters, a number by its first digits."""
    if isinstance(value, Mapping):
        rest = told({key: inner for key, inner in value.items() if key != "name"})
        return f"{value.get('name', '')}({rest})"
    return f"{value:.4g}" if isinstance(value, float) else as_yaml(value)
