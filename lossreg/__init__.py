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

    from lossreg.component import (
        Component,
        Data,
        Model,
        Optimizer,
        Schedule,
        Tracker,
        data,
        model,
        optimizer,
        schedule,
        tracker,
    )
    from lossreg.criterion import Criterion
    from lossreg.definition import Loss, loss
    from lossreg.domains import (
        Array,
        Axes,
        ClassIndex,
        ClassListed,
        ClassRow,
        Count,
        Dissimilarity,
        Fraction,
        Ignored,
        Length,
        LogProbability,
        NonNegative,
        Positive,
        Probability,
        Real,
        Rising,
        Row,
        Scale,
        Share,
        Shared,
        Sign,
        Slope,
        Slopes,
        Symbol,
        Unit,
        Weight,
        Whole,
    )
    from lossreg.errors import (
        AmbiguousName,
        BrokenPlugin,
        Diverged,
        InvalidConfig,
        InvalidDefinition,
        InvalidInput,
        InvalidParameter,
        InvalidType,
        LossregError,
        MissingExtra,
        NonconformingLoss,
        NotResumable,
        UnknownName,
    )
    from lossreg.experiment.data import Table
    from lossreg.experiment.layers import Dense, Sequential
    from lossreg.experiment.model import Network
    from lossreg.experiment.report import Report
    from lossreg.experiment.run import Result
    from lossreg.experiment.sweep.summary import Summary
    from lossreg.hookspecs import hookimpl
    from lossreg.kernels.threads import get_num_threads, set_num_threads
    from lossreg.kernels.whole import Scratch, each, require

__version__ = "0.1.0"

HOMES = {
    "lossreg.component": (
        *("Component", "Data", "Model", "Optimizer", "Schedule", "Tracker"),
        *("data", "model", "optimizer", "schedule", "tracker"),
    ),
    "lossreg.criterion": ("Criterion",),
    "lossreg.definition": ("Loss", "loss"),
    "lossreg.domains": (
        *("Array", "Axes", "ClassIndex", "ClassListed", "ClassRow", "Count", "Dissimilarity", "Fraction", "Ignored"),
        *("Length", "LogProbability", "NonNegative", "Positive", "Probability", "Real", "Rising", "Row", "Scale"),
        *("Share", "Shared", "Sign", "Slope", "Slopes", "Symbol", "Unit", "Weight", "Whole"),
    ),
    "lossreg.errors": (
        *("AmbiguousName", "BrokenPlugin", "Diverged", "InvalidConfig", "InvalidDefinition", "InvalidInput"),
        *("InvalidParameter", "InvalidType", "LossregError", "MissingExtra", "NonconformingLoss", "NotResumable"),
        "UnknownName",
    ),
    "lossreg.experiment.data": ("Table",),
    "lossreg.experiment.layers": ("Dense", "Sequential"),
    "lossreg.experiment.model": ("Network",),
    "lossreg.experiment.report": ("Report",),
    "lossreg.experiment.run": ("Result",),
    "lossreg.experiment.sweep.summary": ("Summary",),
    "lossreg.hookspecs": ("hookimpl",),
    "lossreg.kernels.threads": ("get_num_threads", "set_num_threads"),
    "lossreg.kernels.whole": ("Scratch", "each", "require"),
}
HOME_OF = {name: home for home, names in HOMES.items() for name in names}

__all__ = [
    "AmbiguousName",
    "Array",
    "Axes",
    "BrokenPlugin",
    "ClassIndex",
    "ClassListed",
    "ClassRow",
    "Component",
    "Count",
    "Criterion",
    "Data",
    "Dense",
    "Dissimilarity",
    "Diverged",
    "Fraction",
    "Ignored",
    "InvalidConfig",
    "InvalidDefinition",
    "InvalidInput",
    "InvalidParameter",
    "InvalidType",
    "Length",
    "LogProbability",
    "Loss",
    "LossregError",
    "MissingExtra",
    "Model",
    "Network",
    "NonNegative",
    "NonconformingLoss",
    "NotResumable",
    "Optimizer",
    "Positive",
    "Probability",
    "Real",
    "Report",
    "Result",
    "Rising",
    "Row",
    "Scale",
    "Schedule",
    "Scratch",
    "Sequential",
    "Share",
    "Shared",
    "Sign",
    "Slope",
    "Slopes",
    "Summary",
    "Symbol",
    "Table",
    "Tracker",
    "Unit",
    "UnknownName",
    "Weight",
    "Whole",
    "create",
    "data",
    "each",
    "get",
    "get_num_threads",
    "hookimpl",
    "loss",
    "model",
    "names",
    "optimizer",
    "register",
    "require",
    "resume",
    "run",
    "schedule",
    "set_num_threads",
    "sweep",
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
    """Offer what a decorator such as `@loss` made under its name, without packaging it.

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
    from lossreg.experiment.run import run

    return run(config, root, report)


def resume(path: str | Path, *, report: Report | None = None, force: bool = False) -> Result:
    """Go on with a run that was stopped, from the directory it left, to the same bytes as if it had not been.

    Raises NotResumable for a run that is finished or running, and, unless `force`, for one whose config or plugins have
    changed, with the difference.
    """
    from lossreg.experiment.run import resume

    return resume(path, report, force=force)


def sweep(
    config: str | Path | Mapping[str, Any],
    *,
    root: str | Path | None = None,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
) -> Summary:
    """Run every trial of a config that has a `sweep`, `jobs` at once, and summarise what came of them, the best first.

    What an earlier sweep finished, in the directory of the config's name under `root`, is not run again. `engine` is
    local, or dask, which takes the `address` of a scheduler. Trials run in processes of their own, which know installed
    plugins only. Raises InvalidConfig with every problem found, before any trial runs.
    """
    from lossreg.experiment.sweep.conduct import sweep

    return sweep(config, root, jobs=jobs, engine=engine, address=address)
