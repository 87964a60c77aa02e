"""A config's `sweep`: which values of which keys to try.

    sweep:
      grid:                                         # every combination
        loss: [mse, l1, {name: huber, delta: 2}]
        optimizer.lr: [0.01, 0.1]
      zip:                                          # side by side: the first of each, the second of each
        model.hidden: [[8], [16, 16]]
        train.epochs: [20, 40]
      draw:                                         # `trials` times, for each of the above
        train.clip_norm: {log_uniform: [0.1, 10]}
        data.test: {uniform: [0.2, 0.4]}
        model.activation: {choice: [relu, tanh]}
      trials: 20
      seed: 0                                       # of the draws
      method: random                                # or optuna, which draws by what came of earlier trials
      repeats: 4                                    # all of it with the seeds seed, seed + 1, ...
      metric: test_r2                               # to choose the best by, as `lossreg runs --sort` takes it
      goal: max                                     # unless it follows from the metric's name

A key may also be written as mappings, as `--set sweep.grid.optimizer.lr=[0.1]` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, inf, isfinite, log, prod
from typing import TYPE_CHECKING, Any, Literal

from lossreg.definition.annotations import NonNegativeInteger, PositiveInteger
from lossreg.definition.parameters import Parameter
from lossreg.errors import nearest
from lossreg.experiment.config.inheritance import EXTENDS
from lossreg.experiment.config.run_config import SWEEP
from lossreg.experiment.config.validation import ConfigValidator
from lossreg.experiment.config.yaml_document import KeyPath, dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from lossreg.experiment.config.yaml_document import Document

PARAMETERS = (
    Parameter("trials", PositiveInteger | None, None),
    Parameter("seed", NonNegativeInteger, 0),
    Parameter("method", Literal["random", "optuna"], "random"),
    Parameter("repeats", PositiveInteger, 1),
    Parameter("metric", str | None, None),
    Parameter("goal", Literal["min", "max"] | None, None),
)
SECTIONS = {
    "grid": "{loss: [mse, l1]}",
    "zip": "{optimizer.lr: [0.1, 0.01], train.epochs: [10, 100]}",
    "draw": "{optimizer.lr: {log_uniform: [1e-4, 0.1]}}",
}
DISTRIBUTIONS = ("uniform", "log_uniform", "choice")
MOST_TRIALS = 10_000
"""All trials are checked before the first one runs, which takes 0.6 ms for each of them."""


@dataclass(frozen=True)
class SweptKey:
    """A key of the config, the values that it takes, and where the block says so."""

    key: KeyPath
    origin: KeyPath
    values: list[Any]
    """The values to try, or the lowest and the highest of a range."""
    distribution: str = ""
    """How to draw from the values, of an axis that is drawn."""

    @property
    def name(self) -> str:
        """The key as people write it."""
        return dotted(self.key)

    def draw(self, random: np.random.Generator) -> Any:
        """Draw a value."""
        if self.distribution == "choice":
            return self.values[random.integers(len(self.values))]
        low, high = self.values
        if self.distribution == "log_uniform":
            return min(max(exp(random.uniform(log(low), log(high))), low), high)
        return float(random.uniform(low, high))


@dataclass(frozen=True)
class SweepConfig:
    """What a `sweep` says, checked."""

    grid: list[SweptKey]
    zip: list[SweptKey]
    draw: list[SweptKey]
    trials: int | None
    seed: int
    method: str
    repeats: int
    metric: str | None
    goal: str | None

    @property
    def axes(self) -> list[SweptKey]:
        """All the axes."""
        return [*self.grid, *self.zip, *self.draw]

    @classmethod
    def read(cls, document: Document, content: Any) -> SweepConfig:
        """Read a block; raises InvalidConfig with every problem found."""
        path = (SWEEP,)
        if not isinstance(content, Mapping):
            document.report(path, f"expected a mapping such as {{grid: {SECTIONS['grid']}}}, got {content!r}")
            document.check()
        reader = ConfigValidator(document)
        settings = reader.section(path, content, PARAMETERS)
        reader.known(path, content, SECTIONS)
        axes: dict[str, Any] = {name: section(document, name, content.get(name)) for name in SECTIONS}
        check_keys(document, [axis for found in axes.values() for axis in found], settings)
        lengths = {len(axis.values) for axis in axes["zip"]}
        for axis in axes["zip"]:
            if len(lengths) > 1 and len(axis.values) != max(lengths):
                told = f"{len(axis.values)} values beside {max(lengths)} of another key; those of zip go in step"
                document.report(axis.origin, told)
        if not (any(axes.values()) or document.problems or settings["repeats"] > 1):
            document.report(path, "nothing to try; give grid, zip, draw or repeats")
        combinations = prod(len(axis.values) for axis in axes["grid"]) * max(lengths, default=1)
        count = combinations * (settings.get("trials") or 1) * settings.get("repeats", 1)
        if count > MOST_TRIALS:
            document.report(path, f"{count:,} trials; a sweep has at most {MOST_TRIALS:,}")
        if bool(axes["draw"]) != bool(settings.get("trials")) and not document.problems:
            told = "is missing: how often to draw" if axes["draw"] else "how often to draw, and there is no draw"
            document.report((*path, *["trials"] * (not axes["draw"])), "trials " * bool(axes["draw"]) + told)
        if settings.get("method") == "optuna" and (axes["grid"] or axes["zip"] or not axes["draw"]):
            document.report((*path, "method"), "optuna takes draw alone; write grid and zip as draws, by choice")
        reader.finish()
        return cls(**axes, **settings)


def section(document: Document, name: str, content: Any) -> list[SweptKey]:
    """Read the axes of one section, and report what is wrong with them; what a file or --set says on top counts."""
    path, axes = (SWEEP, name), dict[KeyPath, SweptKey]()
    if content is None:
        return []
    if not isinstance(content, Mapping) or not content:
        document.report(path, f"expected a mapping such as {SECTIONS[name]}, got {content!r}")
        return []
    for origin, key, value in leaves(path, (), content):
        distribution, values, problem = drawn(value, key[-1]) if name == "draw" else listed(value)
        if problem:
            document.report(origin, problem)
            continue
        if key in axes and file_of(document, origin) == file_of(document, axes[key].origin):
            document.report(origin, f"{dotted(key)} is there twice", at_key=True)
        axes[key] = SweptKey(key, origin, values, distribution)
    return list(axes.values())


def file_of(document: Document, origin: KeyPath) -> str:
    """The file or option that has a key."""
    return document.keys[origin].file if origin in document.keys else ""


def leaves(path: KeyPath, above: KeyPath, content: Any) -> Iterator[tuple[KeyPath, KeyPath, Any]]:
    """The places, keys and values of a section, through mappings of mappings."""
    for name, value in content.items():
        origin, key = (*path, name), (*above, *name.split("."))
        if isinstance(value, Mapping) and value and not {*value} & {*DISTRIBUTIONS}:
            yield from leaves(origin, key, value)
        else:
            yield origin, key, value


def listed(value: Any) -> tuple[str, list[Any], str]:
    """Read the values of an axis: none and a problem where they are no list."""
    if isinstance(value, list | tuple) and value:
        return "", list(value), ""
    return "", [], f"expected a list of the values to try, such as [1, 2], got {value!r}"


def drawn(value: Any, last: str | int) -> tuple[str, list[Any], str]:
    """Read a distribution: its name and values, or a problem."""
    names = [*value] if isinstance(value, Mapping) else []
    if len(names) != 1 or names[0] not in DISTRIBUTIONS:
        hint = next(filter(None, (nearest(str(name), DISTRIBUTIONS) for name in (*names, last))), "")
        told = f"expected one of {', '.join(DISTRIBUTIONS)}, such as {{uniform: [0, 1]}}, got {value!r}"
        return "", [], told + (hint and f"; {hint}")
    name, given = names[0], value[names[0]]
    if name == "choice":
        return name, *listed(given)[1:]
    numbers = isinstance(given, list | tuple) and len(given) == 2 and all(map(is_number, given))  # noqa: PLR2004  ends
    least = 0.0 if name == "log_uniform" else -inf
    if numbers and least < given[0] < given[1]:
        return name, list(given), ""
    above = " above 0" * (name == "log_uniform")
    return (
        "",
        [],
        f"{name}: expected the lowest and the highest of finite numbers{above}, such as [1, 10], got {given!r}",
    )


def is_number(value: Any) -> bool:
    """Whether a value is a finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def check_keys(document: Document, axes: list[SweptKey], settings: Mapping[str, Any]) -> None:
    """Report keys that cannot be swept, and those that several axes set."""
    taken: dict[KeyPath, Any] = {("seed",): "repeats"} if settings.get("repeats", 1) > 1 else {}
    for axis in axes:
        if axis.key[0] in (SWEEP, EXTENDS):
            document.report(axis.origin, f"{axis.key[0]} is no key of a run", at_key=True)
        elif axis.key in taken:
            document.report(axis.origin, f"{axis.name} is set by {taken[axis.key]} too", at_key=True)
        taken[axis.key] = axis.origin[1]
