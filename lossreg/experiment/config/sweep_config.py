"""The key `sweep` of a config: which values of which keys to try.

    sweep:
      grid:                                         # all combinations
        loss: [mse, l1, {name: huber, delta: 2}]
        optimizer.lr: [0.01, 0.1]
      zip:                                          # in parallel: the first value of each key, the second of each, ...
        model.hidden: [[8], [16, 16]]
        train.epochs: [20, 40]
      draw:                                         # at random, `trials` times for each of the above
        train.clip_norm: {log_uniform: [0.1, 10]}
        data.test: {uniform: [0.2, 0.4]}
        train.batch_size: {log_integer: [16, 256]}  # or integer
        loss: {choice: [mse, {name: huber, delta: {uniform: [0.5, 2]}}]}    # delta is drawn for huber only
      trials: 20
      seed: 0                                       # of the random draws
      method: random                                # or optuna, which draws by the results of earlier trials
      repeats: 4                                    # each of the above with the seeds seed, seed + 1, ...
      metric: test_r2                               # that decides which config is best, as in `lossreg runs --sort`
      goal: max                                     # or min; by default, what the name of the metric suggests
      pruner: successive_halving                    # stop trials with bad results early; see pruner_config.py

Keys may also be nested mappings, as `--set sweep.grid.optimizer.lr=[0.1]` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp, log, prod
from typing import TYPE_CHECKING, Any, Literal

from lossreg.definition.annotations import NonNegativeInteger, PositiveInteger
from lossreg.definition.parameters import Parameter
from lossreg.experiment.config.distributions import DISTRIBUTIONS, read_distribution, read_list
from lossreg.experiment.config.keys import EXTENDS, SWEEP
from lossreg.experiment.config.pruner_config import PRUNER, PrunerConfig, read_pruner
from lossreg.experiment.config.validation import ConfigValidator
from lossreg.experiment.config.yaml_document import KeyPath, dotted
from lossreg.formatting import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from lossreg.experiment.config.yaml_document import Document

SWEEP_PARAMETERS = (
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
"""The sections with swept keys, each with an example for messages."""
MAX_TRIALS = 10_000
"""All trials are checked before the first one runs, which takes 0.6 ms for each of them."""


@dataclass(frozen=True)
class SweptKey:
    """A key of the config, the values to try, and its path in the config."""

    key: KeyPath
    path: KeyPath
    values: list[Any]
    """The values to try, or the lowest and the highest of a range."""
    distribution: str = ""
    """The distribution of a key that is drawn."""
    conditional: Mapping[int, list[SweptKey]] = field(default_factory=dict)
    """For some choices, by their index, the keys that are drawn only with them, such as a parameter of one loss."""

    @property
    def name(self) -> str:
        """The key with dots: ``optimizer.lr``."""
        return dotted(self.key)

    def draw(self, random: np.random.Generator) -> Any:
        """Draw a value; of a choice, its index."""
        if self.distribution == "choice":
            return int(random.integers(len(self.values)))
        low, high = self.values
        if self.distribution == "integer":
            return int(random.integers(low, high + 1))
        if self.distribution == "log_integer":
            return min(max(round(exp(random.uniform(log(low - 0.5), log(high + 0.5)))), low), high)
        if self.distribution == "log_uniform":
            return min(max(exp(random.uniform(log(low), log(high))), low), high)
        return float(random.uniform(low, high))


@dataclass(frozen=True)
class SweepConfig:
    """The key `sweep`, checked."""

    grid: list[SweptKey]
    zip: list[SweptKey]
    draw: list[SweptKey]
    trials: int | None
    seed: int
    method: str
    repeats: int
    metric: str | None
    goal: str | None
    pruner: PrunerConfig | None = None

    @property
    def swept_keys(self) -> list[SweptKey]:
        """The keys of all sections."""
        return [*self.grid, *self.zip, *self.draw]

    @classmethod
    def read(cls, document: Document, content: Any, folds: int = 0) -> SweepConfig:
        """Check the value of `sweep`, whose trials are each repeated for every fold; raises InvalidConfig."""
        path = (SWEEP,)
        if not isinstance(content, Mapping):
            document.add_problem(
                path, f"expected a mapping such as {{grid: {SECTIONS['grid']}}}, got {shortened(repr(content))}"
            )
            document.raise_problems()
        validator = ConfigValidator(document)
        options = validator.parameters(path, content, SWEEP_PARAMETERS)
        validator.allow(path, content, [*SECTIONS, PRUNER])
        options[PRUNER] = read_pruner(validator, (*path, PRUNER), content.get(PRUNER), options, folds)
        sections: dict[str, Any] = {name: read_section(document, name, content.get(name)) for name in SECTIONS}
        check_keys(document, [swept for found in sections.values() for swept in found], options)
        check_numbers(document, sections, options, folds)
        validator.finish()
        return cls(**sections, **options)


def check_numbers(
    document: Document, sections: Mapping[str, list[SweptKey]], options: Mapping[str, Any], folds: int
) -> None:
    """Add problems with the numbers of values and trials, and with the method."""
    grid, zipped, drawn = (sections[name] for name in ("grid", "zip", "draw"))
    lengths = {len(swept.values) for swept in zipped}
    for swept in zipped:
        if len(lengths) > 1 and len(swept.values) != max(lengths):
            problem = f"{len(swept.values)} values, but another key of zip has {max(lengths)}; expected equally many"
            document.add_problem(swept.path, problem)
    if not (any(sections.values()) or document.problems or options["repeats"] > 1 or folds):
        document.add_problem((SWEEP,), "there is nothing to try; give grid, zip, draw or repeats")
    combinations = prod(len(swept.values) for swept in grid) * max(lengths, default=1)
    count = combinations * (options.get("trials") or 1) * options.get("repeats", 1) * max(folds, 1)
    if count > MAX_TRIALS:
        document.add_problem((SWEEP,), f"{count:,} trials; a sweep has at most {MAX_TRIALS:,}")
    if drawn and not options.get("trials") and not document.problems:
        document.add_problem((SWEEP,), "trials is missing: how many times to draw")
    if options.get("trials") and not drawn and not document.problems:
        document.add_problem((SWEEP, "trials"), "the number of draws, but there is no draw")
    if options.get("method") == "optuna" and (grid or zipped or not drawn):
        problem = "optuna supports only draw; write the values of grid and zip as draws with choice"
        document.add_problem((SWEEP, "method"), problem)


def read_section(document: Document, name: str, content: Any) -> list[SweptKey]:
    """Read the swept keys of a section, and add problems; a key in the file or in `--set` overrides that of a base."""
    path, swept = (SWEEP, name), dict[KeyPath, SweptKey]()
    if content is None:
        return []
    if not isinstance(content, Mapping) or not content:
        document.add_problem(path, f"expected a mapping such as {SECTIONS[name]}, got {shortened(repr(content))}")
        return []
    for value_path, key, value in leaves(path, (), content):
        distribution, values, problem = read_distribution(value, key[-1]) if name == "draw" else read_list(value)
        if problem:
            document.add_problem(value_path, problem)
            continue
        if key in swept and file_of(document, value_path) == file_of(document, swept[key].path):
            document.add_problem(value_path, f"{dotted(key)} is repeated", at_key=True)
        values, conditional = split_conditional(document, key, (*value_path, distribution), values)
        swept[key] = SweptKey(key, value_path, values, distribution, conditional)
    return list(swept.values())


def split_conditional(
    document: Document, key: KeyPath, path: KeyPath, values: list[Any]
) -> tuple[list[Any], dict[int, list[SweptKey]]]:
    """Separate the distributions inside of choices from the choices, and add problems with them."""
    if path[-1] != "choice":
        return values, {}
    found: dict[int, list[SweptKey]] = {}
    plain = []
    for index, value in enumerate(values):
        kept = dict(value) if isinstance(value, Mapping) else value
        for name, inner in value.items() if isinstance(value, Mapping) else ():
            if isinstance(inner, Mapping) and {*inner} & {*DISTRIBUTIONS}:
                inner_path = (*path, index, name)
                distribution, inner_values, problem = read_distribution(inner, name)
                if problem:
                    document.add_problem(inner_path, problem)
                    continue
                found.setdefault(index, []).append(SweptKey((*key, name), inner_path, inner_values, distribution))
                del kept[name]
        plain.append(kept)
    return plain, found


def file_of(document: Document, path: KeyPath) -> str:
    """The file or option that contains a key."""
    return document.keys[path].file if path in document.keys else ""


def leaves(path: KeyPath, parent: KeyPath, content: Any) -> Iterator[tuple[KeyPath, KeyPath, Any]]:
    """The path, key and value of each swept key in a section of nested mappings."""
    for name, value in content.items():
        value_path, key = (*path, name), (*parent, *name.split("."))
        if isinstance(value, Mapping) and value and not {*value} & {*DISTRIBUTIONS}:
            yield from leaves(value_path, key, value)
        else:
            yield value_path, key, value


def check_keys(document: Document, swept_keys: list[SweptKey], options: Mapping[str, Any]) -> None:
    """Add a problem for each key that cannot be swept, or that is swept twice."""
    taken: dict[KeyPath, Any] = {("seed",): "repeats"} if options.get("repeats", 1) > 1 else {}
    for swept in swept_keys:
        if swept.key[0] in (SWEEP, EXTENDS):
            document.add_problem(
                swept.path, f"{swept.key[0]} cannot be swept, as it is not a key of a run", at_key=True
            )
        elif swept.key in taken:
            document.add_problem(swept.path, f"{swept.name} is also set by {taken[swept.key]}", at_key=True)
        taken[swept.key] = swept.path[1]
