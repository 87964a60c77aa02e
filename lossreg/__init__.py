"""lossreg: loss functions as plugins, fast and exact, and the experiments that compare them.

    criterion = lossreg.create("huber", delta=0.5)
    value, grad = criterion.value_and_grad(prediction, target)
    result = lossreg.run("configs/digits_mlp.yaml")

Importing this module imports no plugin, and neither numpy nor numba.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lossreg.component import Component, Data, Model, Optimizer, Tracker, data, model, optimizer, tracker
    from lossreg.criterion import Criterion
    from lossreg.definition import Loss, loss
    from lossreg.domains import (
        ClassIndex,
        ClassListed,
        ClassRow,
        Count,
        Fraction,
        Ignored,
        LogProbability,
        NonNegative,
        Positive,
        Probability,
        Real,
        Row,
        Scale,
        Shared,
        Sign,
        Slope,
        Unit,
        Weight,
        Whole,
    )
    from lossreg.errors import (
        AmbiguousName,
        BrokenPlugin,
        InvalidConfig,
        InvalidDefinition,
        InvalidInput,
        InvalidParameter,
        InvalidType,
        LossregError,
        MissingExtra,
        NonconformingLoss,
        UnknownName,
    )
    from lossreg.experiment.data import Table
    from lossreg.experiment.layers import Dense, Sequential
    from lossreg.experiment.model import Network
    from lossreg.experiment.report import Report
    from lossreg.experiment.train import Result
    from lossreg.hookspecs import hookimpl
    from lossreg.kernels.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

HOMES = {
    "lossreg.component": (
        "Component",
        "Data",
        "Model",
        "Optimizer",
        "Tracker",
        "data",
        "model",
        "optimizer",
        "tracker",
    ),
    "lossreg.criterion": ("Criterion",),
    "lossreg.definition": ("Loss", "loss"),
    "lossreg.domains": (
        *(
            "ClassIndex",
            "ClassListed",
            "ClassRow",
            "Count",
            "Fraction",
            "Ignored",
            "LogProbability",
            "NonNegative",
            "Positive",
        ),
        *("Probability", "Real", "Row", "Scale", "Shared", "Sign", "Slope", "Unit", "Weight", "Whole"),
    ),
    "lossreg.errors": (
        *("AmbiguousName", "BrokenPlugin", "InvalidConfig", "InvalidDefinition", "InvalidInput", "InvalidParameter"),
        *("InvalidType", "LossregError", "MissingExtra", "NonconformingLoss", "UnknownName"),
    ),
    "lossreg.experiment.data": ("Table",),
    "lossreg.experiment.layers": ("Dense", "Sequential"),
    "lossreg.experiment.model": ("Network",),
    "lossreg.experiment.report": ("Report",),
    "lossreg.experiment.train": ("Result",),
    "lossreg.hookspecs": ("hookimpl",),
    "lossreg.kernels.threads": ("get_num_threads", "set_num_threads"),
}
HOME_OF = {name: home for home, names in HOMES.items() for name in names}

__all__ = [
    "AmbiguousName",
    "BrokenPlugin",
    "ClassIndex",
    "ClassListed",
    "ClassRow",
    "Component",
    "Count",
    "Criterion",
    "Data",
    "Dense",
    "Fraction",
    "Ignored",
    "InvalidConfig",
    "InvalidDefinition",
    "InvalidInput",
    "InvalidParameter",
    "InvalidType",
    "LogProbability",
    "Loss",
    "LossregError",
    "MissingExtra",
    "Model",
    "Network",
    "NonNegative",
    "NonconformingLoss",
    "Optimizer",
    "Positive",
    "Probability",
    "Real",
    "Report",
    "Result",
    "Row",
    "Scale",
    "Sequential",
    "Shared",
    "Sign",
    "Slope",
    "Table",
    "Tracker",
    "Unit",
    "UnknownName",
    "Weight",
    "Whole",
    "create",
    "data",
    "get",
    "get_num_threads",
    "hookimpl",
    "loss",
    "model",
    "names",
    "optimizer",
    "register",
    "run",
    "set_num_threads",
    "tracker",
]


def __getattr__(name: str) -> Any:
    if name not in HOME_OF:
        raise AttributeError(f"module 'lossreg' has no attribute {name!r}")
    value = getattr(import_module(HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__


def names() -> list[str]:
    """The names of the losses installed, sorted; imports no plugin."""
    from lossreg.registry import losses

    return losses.names()


def get(name: str) -> Loss:
    """The loss of that name: its documentation, inputs with domains, and parameters. Imports that one plugin.

    PyTorch's class names find theirs, and ``distribution:name`` picks one of several. Raises UnknownName,
    AmbiguousName or BrokenPlugin.
    """
    from lossreg.registry import losses

    return losses.get(name)


def create(name: str | Loss, /, *, reduction: str = "mean", **parameters: Any) -> Criterion:
    """Make a criterion: a loss (by name, or as made by `@loss`) with its parameters and a reduction.

    `reduction` is none, sum, mean or batchmean. Raises InvalidParameter for a parameter or reduction that the loss
    does not have or that is outside its domain, and what `get` raises.
    """
    from lossreg.criterion import Criterion

    return Criterion(get(name) if isinstance(name, str) else name, reduction, parameters)


def register(component: Component) -> Component:
    """Offer a loss, model, optimizer, data set or tracker made by its decorator under its name, without packaging it.

    Meant for notebooks: the same name again replaces the earlier one. Raises InvalidType for anything else.
    """
    from lossreg.registry import register

    return register(component)


def run(
    config: str | Path | Mapping[str, Any],
    *,
    root: str | Path | None = None,
    report: Report | None = None,
) -> Result:
    """Train as a config says (the path of a YAML file, or a dict), and log the run in a directory of its own.

    The directory is made under `root`, else $LOSSREG_RUNS, else experiments/runs. `report` is told how the run goes;
    without one it runs in silence. Raises InvalidConfig with every problem found.
    """
    from lossreg.experiment.train import run

    return run(config, root, report)
