"""Loss functions as plugins, fast and exact, and the experiments that compare them.

Find and use a loss:

    lossreg.names()                                     the names of the installed losses
    lossreg.names(task="regression")                    those for one task
    lossreg.get("huber")                                a loss: documentation, inputs and parameters
    criterion = lossreg.create("huber", delta=0.5)      a loss with its parameters set
    value = criterion(prediction, target)
    value, grad = criterion.value_and_grad(prediction, target)

Run an experiment:

    result = lossreg.run("configs/digits_mlp.yaml")
    result.model.predict(rows)                          or lossreg.load(result.path).predict(rows)

Write a plugin: `lossreg.plugin` has the decorators and domains, and `lossreg.register` offers a component without
packaging it. All errors are in `lossreg.errors`. Importing lossreg imports no plugin, and neither numpy nor numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg._lazy import lazy
from lossreg._version import __version__ as __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from lossreg import plugin as plugin
    from lossreg.criterion.criterion import Criterion as Criterion
    from lossreg.criterion.sums.weighted_sum import WeightedSum
    from lossreg.definition.component import Component, Reduction
    from lossreg.definition.loss import Loss as Loss
    from lossreg.errors import (
        InvalidConfig as InvalidConfig,
        InvalidInput as InvalidInput,
        InvalidParameter as InvalidParameter,
        InvalidType as InvalidType,
        LossregError as LossregError,
        UnknownName as UnknownName,
    )
    from lossreg.experiment.prediction.estimator import RunEstimator
    from lossreg.experiment.prediction.trained_model import TrainedModel
    from lossreg.experiment.runner.progress import Progress as Progress
    from lossreg.experiment.runner.result import Result as Result
    from lossreg.experiment.sweep.summary import Summary as Summary
    from lossreg.kernels.drivers.threads import (
        get_num_threads as get_num_threads,
        set_num_threads as set_num_threads,
    )

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
FUNCTIONS = ("create", "get", "load", "load_estimator", "names", "register", "resume", "run", "sweep")

__all__ = sorted((*EXPORTS, *FUNCTIONS))  # noqa: PLE0605  it is derived from the tables above
__getattr__ = lazy(__name__, EXPORTS)


def __dir__() -> list[str]:
    return __all__


def names(*, task: str | None = None) -> list[str]:
    """Return the names of the installed losses, sorted.

    With a `task`, such as "regression" or "classification", return only the losses for that task. This loads all
    losses, and leaves out those that cannot be loaded; without a task, no plugin is imported. Raises InvalidInput if no
    loss is for the task.
    """
    from lossreg.registry.registries import losses

    if task is None:
        return losses.names()
    from lossreg.registry.isolation import inspect, with_task

    return sorted({one.offer.name for one in with_task(inspect([losses]), task)})


def get(name: str) -> Loss:
    """Return the loss of a name: its documentation, its inputs with their domains, and its parameters.

    Only that plugin is imported. PyTorch's class names work too, and ``distribution:name`` picks one of several. Raises
    UnknownName, AmbiguousName or BrokenPlugin.
    """
    from lossreg.registry.registries import losses

    return losses.get(name)


def create(
    name: str | Loss | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    /,
    *,
    reduction: str | Mapping[str, Any] | Reduction = "mean",
    **parameters: Any,
) -> Criterion | WeightedSum:
    """Return a criterion: a loss, given by its name or as `@loss` made it, with its parameters and a reduction.

    `reduction` is none, sum, mean or batchmean, or a plugin: its name, a mapping with its name and parameters, such as
    `{"name": "top_k", "fraction": 0.1}`, or what `@reduction` made. In place of a loss, a mapping makes a weighted sum
    of losses that share their inputs: of names to factors, `{"mse": 1.0, "l1": 0.1}`, or to parameters,
    `{"mse": 1.0, "huber": {"factor": 0.1, "delta": 2}}`; so does a list of mappings with a name, a factor (1 by
    default) and parameters. Raises InvalidParameter for a reduction or parameter that the loss does not have or that is
    outside its domain, and what `get` raises.
    """
    from lossreg.criterion.sums.weighted_sum import make

    return make(name, reduction, parameters)


def load(path: str | Path) -> TrainedModel:
    """Return the model of a finished run, from its directory; it has `predict` and `predict_proba`.

    New rows are encoded as the run's data were: columns by name, categories, missing values and scaling. The model and
    the loss of the run have to be installed; a config that names a Python file as its loss runs that file. Raises
    InvalidInput for a directory that is no finished run, or is damaged.
    """
    from lossreg.experiment.prediction.trained_model import load

    return load(path)


def load_estimator(path: str | Path) -> RunEstimator:
    """Return the model of a finished run as a classifier or regressor of scikit-learn, for pipelines and inspection.

    Its `fit` leaves the model as it is, and a pickle of it holds the path of the run, from which it is rebuilt. Raises
    InvalidInput as `load` does, and for a model that predicts neither a class nor numbers.
    """
    from lossreg.experiment.prediction.estimator import load_estimator

    return load_estimator(path)


def register(component: Component) -> Component:
    """Offer a component, such as a loss made by `@loss`, under its name, without packaging it; return it.

    This is meant for notebooks: the same name again replaces the earlier component. Raises InvalidType for anything
    that no decorator of `lossreg.plugin` made.
    """
    from lossreg.registry.registries import register

    return register(component)


def run(  # noqa: PLR0913  a run has these options
    config: str | Path | Mapping[str, Any],
    *,
    root: str | Path | None = None,
    progress: Progress | None = None,
    name: str | None = None,
    tags: Iterable[str] = (),
    note: str = "",
    data: Any = None,
) -> Result:
    """Train as a config says (the path of a YAML file, or a dict), and log the run in a directory of its own.

    The directory is made under `root`; the default is $LOSSREG_RUNS, or experiments/runs. `progress` receives the
    events of the run; without it the run prints nothing, except in notebooks, where it shows its progress. `name` is
    part of that of the directory; `tags` and `note` are for `lossreg runs --where tag=...`. `data` is a data frame, for
    a config with `data: {name: frame, target: ...}`. Raises InvalidConfig with every problem found in the config.
    """
    from lossreg.experiment.runner.execution import run

    return run(config, root, progress, name=name, tags=tags, note=note, data=data)


def resume(  # noqa: PLR0913  as of a run
    path: str | Path,
    *,
    changes: Iterable[str] = (),
    root: str | Path | None = None,
    progress: Progress | None = None,
    force: bool = False,
    data: Any = None,
) -> Result:
    """Continue a run that was stopped, in its directory; the results have the same bytes as without the stop.

    With `changes`, such as `["train.epochs=100"]`, begin a new run of the changed config from the weights of the run,
    which may be finished; its directory is under `root`, by default beside that of the run. Where data, model, loss,
    optimizer and batches stay the same, it has the earlier epochs and the optimizer's state too; otherwise its steps
    are counted from 0. Raises NotResumable for a run that is finished, unless there are changes, or running; for one
    whose config, plugins or data have changed, with the difference, unless `force` is true; and for changes that the
    weights do not fit, such as another model, other features or other classes. A run on a data frame takes the same
    `data` again.
    """
    if changes := list(changes):
        from lossreg.experiment.runner.warm_start import resume_changed

        return resume_changed(path, changes, root, progress, force=force, data=data)
    from lossreg.experiment.runner.execution import resume

    return resume(path, progress, force=force, data=data)


def sweep(  # noqa: PLR0913  a sweep has these options
    config: str | Path | Mapping[str, Any],
    *,
    root: str | Path | None = None,
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    name: str | None = None,
    tags: Iterable[str] = (),
    note: str = "",
    data: Any = None,
) -> Summary:
    """Run every trial of a config that has a `sweep`, `jobs` at a time, and return a summary with the best first.

    Trials that an earlier sweep finished, in the directory of the config's name under `root`, are not run again.
    `engine` is "local", or "dask" with the `address` of a scheduler. Trials run in processes of their own, where only
    installed plugins are known. `name`, `tags`, `note` and `data` are those of `run`, for all trials; a frame reaches
    the processes in files of the sweep's directory, and those of other machines only if they share it. Raises
    InvalidConfig with every problem found, before any trial runs.
    """
    from lossreg.experiment.sweep.run_sweep import sweep

    return sweep(config, root, jobs=jobs, engine=engine, address=address, name=name, tags=tags, note=note, data=data)
