"""The key `pruner` of a sweep: how trials with bad results are stopped early, and after which epochs they are judged.

    pruner: successive_halving                              # of each three configs, the best one goes on
    pruner: {name: successive_halving, epochs: 2, factor: 4}
    pruner: {name: median, epochs: 5, startup_trials: 10}   # one of Optuna's, with method: optuna

Successive halving of a grid or of random draws judges all configs together, by their means over seeds and folds, so
that its results do not depend on how many trials run at once. Optuna's pruners judge each trial by those before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lossreg.definition.annotations import NonNegativeInteger, Positive, PositiveInteger
from lossreg.definition.parameters import Parameter
from lossreg.errors import nearest
from lossreg.formatting import shortened

if TYPE_CHECKING:
    from lossreg.experiment.config.validation import ConfigValidator
    from lossreg.experiment.config.yaml_document import KeyPath

PRUNER = "pruner"
HALVING = "successive_halving"
EPOCHS = Parameter("epochs", PositiveInteger, 1)
FACTOR = Parameter("factor", PositiveInteger, 3)
STARTUP = (Parameter("startup_trials", NonNegativeInteger, 5), Parameter("warmup_epochs", NonNegativeInteger, 0))
PRUNERS: dict[str, tuple[Parameter, ...]] = {
    HALVING: (EPOCHS, FACTOR),
    "hyperband": (EPOCHS, FACTOR),
    "median": (EPOCHS, *STARTUP),
    "percentile": (EPOCHS, Parameter("percentile", Positive), *STARTUP),
    "threshold": (EPOCHS, Parameter("lower", float | None, None), Parameter("upper", float | None, None)),
}
"""The parameters of each pruner. All but the first are only for trials that Optuna proposes."""
ALL_OF_THEM = 100


@dataclass(frozen=True)
class PrunerConfig:
    """A pruner with its parameters."""

    name: str
    epochs: int
    parameters: dict[str, Any]

    def next_epoch(self, epoch: int) -> int:
        """The first epoch after `epoch` that trials are judged after: of halving by powers of its factor."""
        factor = self.parameters.get("factor")
        if factor is None:
            return (epoch // self.epochs + 1) * self.epochs
        following = self.epochs
        while following <= epoch:
            following *= factor
        return following


def read_pruner(
    validator: ConfigValidator, path: KeyPath, given: Any, options: Mapping[str, Any], folds: int
) -> PrunerConfig | None:
    """Read the key `pruner` of a sweep with these options, and add problems."""
    document = validator.document
    if given is None:
        return None
    name = given.get("name") if isinstance(given, Mapping) else given
    if not isinstance(name, str) or name not in PRUNERS:
        hint = nearest(name, PRUNERS) if isinstance(name, str) else ""
        problem = f"expected one of {', '.join(PRUNERS)}, or a mapping such as {{name: {HALVING}, epochs: 2}}"
        document.add_problem(path, f"{problem}, got {shortened(repr(given))}" + (hint and f"; {hint}"))
        return None
    content = given if isinstance(given, Mapping) else {}
    parameters = validator.parameters(path, content, PRUNERS[name])
    validator.allow(path, content, ["name"])
    if parameters.get("factor", 2) < 2:  # noqa: PLR2004  with a factor of 1, every trial would go on
        document.add_problem((*path, "factor"), f"expected at least 2, got {parameters['factor']}")
    if "percentile" in content and parameters.get("percentile", 0) > ALL_OF_THEM:
        document.add_problem((*path, "percentile"), f"expected at most {ALL_OF_THEM}, got {parameters['percentile']}")
    if name == "threshold" and parameters.get("lower") is None and parameters.get("upper") is None:
        document.add_problem(path, "lower or upper is missing: the limit of the metric")
    is_search = options.get("method") == "optuna"
    if name != HALVING and not is_search:
        problem = f"{name} judges the trials that Optuna proposes, by those before them"
        document.add_problem(path, f"{problem}; give method: optuna, or the pruner {HALVING}")
    if is_search and (options.get("repeats", 1) > 1 or folds):
        problem = "Optuna's pruners judge single trials, and not the mean over seeds or folds"
        document.add_problem(path, f"{problem}; leave out repeats and folds, or use {HALVING} with method: random")
    return PrunerConfig(name, parameters.pop("epochs", 1), parameters)
