"""All the trials of a sweep, to the end: what is done is left, what was stopped is gone on with, the rest is begun."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lossreg.definition.annotations import PositiveInteger
from lossreg.definition.parameters import Parameter, bind
from lossreg.errors import InvalidParameter, NotResumable
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage import directories, environment, files
from lossreg.experiment.storage.runs import rises
from lossreg.experiment.sweep.engines import ENGINES
from lossreg.experiment.sweep.optuna_trials import OptunaTrials
from lossreg.experiment.sweep.run_trial import BUSY, DONE, fail, status_of
from lossreg.experiment.sweep.summary import summarise
from lossreg.experiment.sweep.sweep_progress import SweepProgress
from lossreg.experiment.sweep.trials import SweepPlan
from lossreg.experiment.training.interrupts import InterruptHandler

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from lossreg.experiment.sweep.engines import Submit
    from lossreg.experiment.sweep.summary import Summary
    from lossreg.experiment.sweep.trials import Trial

PARAMETERS = (
    Parameter("jobs", PositiveInteger, 1),
    Parameter("engine", Literal["local", "dask"], "local"),
    Parameter("address", str | None, None),
)
TICK = 0.5  # seconds between looks at how it goes


class TrialSource(Protocol):
    """Where trials come from."""

    trials: list[Trial]
    """Those that are known."""
    total: int
    """How many there will be."""

    def take(self) -> Trial | None:
        """The next trial, if there is one."""

    def tell(self, trial: Trial, status: str) -> None:
        """Take note of how a trial ended."""


class FixedTrials:
    """Trials that are all known from the beginning; what is done comes first, and then what is left."""

    def __init__(self, trials: list[Trial], left: list[Trial]) -> None:
        self.trials, self.total = trials, len(trials)
        names = {trial.id for trial in left}
        self.waiting = deque([*(trial for trial in trials if trial.id not in names), *left])

    def take(self) -> Trial | None:
        """The next trial, if there is one."""
        return self.waiting.popleft() if self.waiting else None

    def tell(self, trial: Trial, status: str) -> None:
        """Know without."""


def sweep(  # noqa: PLR0913  what a command has as options
    source: str | Path | Mapping[str, Any],
    root: str | Path | None = None,
    progress: SweepProgress | None = None,
    *,
    changes: Iterable[str] = (),
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
) -> Summary:
    """Run what is left to do of a sweep, in a directory of its name under `root`; see `lossreg.sweep`."""
    given = bind("sweep", PARAMETERS, {"jobs": jobs, "engine": engine, "address": address})
    if given["address"] and given["engine"] != "dask":
        raise InvalidParameter(f"sweep: address: is for the engine dask, got {address!r} with {engine!r}")
    plan, progress = SweepPlan.read(source, changes), progress or SweepProgress()
    path = files.root_of(root).resolve() / directories.plain_name(plan.name)
    trials = plan.trials()
    metric = plan.metric(trials)
    goal = plan.block.goal or ("max" if rises(metric) else "min")
    left = [trial for trial in trials if status_of(path / trial.id) not in DONE]
    plan.verify(left)
    names = {trial.id for trial in left}
    progress.outdated(path, outdated(path, [trial for trial in trials if trial.id not in names]))
    with files.explaining(path, "written to", f"runs go to {files.PLACES}"):
        directories.ensure(path, "sweep")
    found: TrialSource = (
        OptunaTrials(plan, path, metric, goal) if plan.block.method == "optuna" else FixedTrials(trials, left)
    )
    progress.started(path, metric, goal, found.total)
    try:
        with (
            InterruptHandler() as signals,
            ENGINES[given["engine"]](given["jobs"], given["address"]) as (submit, slots),
        ):
            carry_out(found, path, submit, slots, progress, signals)
    except KeyboardInterrupt:
        progress.stopped()
        raise
    summary = summarise(found.trials, path, metric, goal)
    summary.write()
    progress.finished()
    return summary


def outdated(path: Path, trials: Iterable[Trial]) -> dict[str, list[str]]:
    """What has changed, since they were run, of what some trials depend on; only those of which anything has."""
    found = {}
    for trial in trials:
        with suppress(OSError, NotResumable):
            before = RunDirectory(path / trial.id).read("environment.json", "config", "plugins")
            found[trial.id] = environment.changes(before, trial.config)
    return {name: changed for name, changed in found.items() if changed}


def carry_out(  # noqa: PLR0913, PLR0917  all that a sweep has
    source: TrialSource,
    path: Path,
    submit: Submit,
    slots: Callable[[], int],
    progress: SweepProgress,
    signals: InterruptHandler,
) -> None:
    """Have trials run, as many at once as there are slots, until all have ended."""
    running: dict[Future[str], Trial] = {}
    busy: list[Trial] = []
    while True:
        signals.check()
        while len(running) < slots() and (trial := source.take()):
            status = status_of(path / trial.id)
            if status in DONE:
                source.tell(trial, status)
                progress.ended(trial, status, earlier=True)
            else:
                running[submit(task(trial, path))] = trial
        if not running:
            if not busy:
                return
            time.sleep(TICK)
            running = {submit(task(trial, path)): trial for trial in busy}
            busy = []
        for future in wait(running, TICK, FIRST_COMPLETED).done:
            trial = running.pop(future)
            status = outcome(future, path / trial.id)
            if status == BUSY:
                busy.append(trial)
                continue
            source.tell(trial, status)
            progress.ended(trial, status)
        progress.look(running.values())


def task(trial: Trial, path: Path) -> dict[str, Any]:
    """What it takes to run a trial somewhere else."""
    return {"path": str(path / trial.id), "name": trial.config.name, "content": trial.config.resolved()}


def outcome(future: Future[str], path: Path) -> str:
    """The status of a trial; if all who had it died, it failed, and its directory says so."""
    try:
        return future.result()
    except (Exception, CancelledError) as error:  # noqa: BLE001  each engine has its own
        told = f"{type(error).__name__}: {error}"
    try:
        with RunDirectory(path) as store:
            if status_of(path) not in DONE:
                fail(store, told)
    except NotResumable:
        return BUSY
    except OSError:  # nothing can be written there
        return "failed"
    return status_of(path)
