"""lossreg: loss functions as plugins, fast and exact, and the experiments that compare them.

    criterion = lossreg.create("huber", delta=0.5)
    value, grad = criterion.value_and_grad(prediction, target)
    result = lossreg.run("configs/digits_mlp.yaml")

Importing this module imports no plugin, and neither numpy nor numba. Errors are in `lossreg.errors`; what
authors of plugins import is in `lossreg.plugin`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg._lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lossreg import plugin as plugin
    from lossreg.criterion.criterion import Criterion as Criterion
    from lossreg.definition.component import Component
    from lossreg.definition.loss import Loss as Loss
    from lossreg.errors import (
        InvalidConfig as InvalidConfig,
        InvalidInput as InvalidInput,
        InvalidParameter as InvalidParameter,
        InvalidType as InvalidType,
        LossregError as LossregError,
        UnknownName as UnknownName,
    )
    from lossreg.experiment.runner.progress import Progress as Progress
    from lossreg.experiment.runner.result import Result as Result
    from lossreg.experiment.sweep.summary import Summary as Summary
    from lossreg.kernels.drivers.threads import (
        get_num_threads as get_num_threads,
        set_num_threads as set_num_threads,
    )

__version__ = "0.1.0"

EXPORTS = {
    "Criterion": "lossreg.criterion.criterion",
    "InvalidConfig": "lossreg.errors",
    "InvalidInput": "lossreg.errors",
    "InvalidParameter": "lossreg.errors",
    "InvalidType": "lossreg.errors",
    "Loss": "lossreg.definition.loss",
    "LossregError": "lossreg.errors",
    "Progress": "lossreg.experiment.runner.progress",
    "Result": "lossreg.experiment.runner.result",
    "Summary": "lossreg.experiment.sweep.summary",
    "UnknownName": "lossreg.errors",
    "get_num_threads": "lossreg.kernels.drivers.threads",
    "set_num_threads": "lossreg.kernels.drivers.threads",
    "plugin": "lossreg.plugin",
}
FUNCTIONS = ("create", "get", "names", "register", "resume", "run", "sweep")

__all__ = sorted((*EXPORTS, *FUNCTIONS))  # noqa: PLE0605  it is derived from the tables above
__getattr__ = lazy(__name__, EXPORTS)


def __dir__() -> list[str]:
    return __all__


def names() -> list[str]:
    """The names of the losses installed, sorted; imports no plugin."""
    from lossreg.registry.registries import losses

    return losses.names()


def get(name: str) -> Loss:
    """The loss of that name: its documentation, inputs with domains, and parameters. Imports that one plugin.

    PyTorch's class names find theirs, and ``distribution:name`` picks one of several. Raises UnknownName,
    AmbiguousName or BrokenPlugin.
    """
    from lossreg.registry.registries import losses

    return losses.get(name)


def create(name: str | Loss, /, *, reduction: str = "mean", **parameters: Any) -> Criterion:
    """Make a criterion: a loss (by name, or as made by `@loss`) with its parameters and a reduction.

    `reduction` is none, sum, mean or batchmean. Raises InvalidParameter for a parameter or reduction that the loss
    does not have or that is outside its domain, and what `get` raises.
    """
    from lossreg.criterion.criterion import Criterion

    return Criterion(get(name) if isinstance(name, str) else name, reduction, parameters)


def register(component: Component) -> Component:
    """Offer what a decorator such as `@loss` made under its name, without packaging it.

    Meant for notebooks: the same name again replaces the earlier one. Raises InvalidType for anything else.
    """
    from lossreg.registry.registries import register

    return register(component)


def run(
    config: str | Path | Mapping[str, Any],
    *,
    root: str | Path | None = None,
    progress: Progress | None = None,
) -> Result:
    """Train as a config says (the path of a YAML file, or a dict), and log the run in a directory of its own.

    The directory is made under `root`, else $LOSSREG_RUNS, else experiments/runs. `progress` receives the events of
    the run; without one the run is silent. Raises InvalidConfig with every problem found.
    """
    from lossreg.experiment.runner.execution import run

    return run(config, root, progress)


def resume(path: str | Path, *, progress: Progress | None = None, force: bool = False) -> Result:
    """Go on with a run that was stopped, from the directory it left, to the same bytes as if it had not been.

    Raises NotResumable for a run that is finished or running, and, unless `force`, for one whose config or plugins have
    changed, with the difference.
    """
    from lossreg.experiment.runner.execution import resume

    return resume(path, progress, force=force)


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
    from lossreg.experiment.sweep.run_sweep import sweep

    return sweep(config, root, jobs=jobs, engine=engine, address=address)
