"""Run a sweep: start the trials that are not done, continue those that were stopped, and summarise the results."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from lossreg.definition.annotations import PositiveInteger
from lossreg.definition.parameters import Parameter, bind
from lossreg.errors import InvalidParameter, NotResumable
from lossreg.experiment.data.fingerprint import fingerprint
from lossreg.experiment.runner.run_directory import RunDirectory
from lossreg.experiment.storage import environment, files, labels, marked_directories
from lossreg.experiment.storage.records import higher_is_better
from lossreg.experiment.sweep.engines import ENGINES
from lossreg.experiment.sweep.optuna_trials import OptunaTrials
from lossreg.experiment.sweep.run_trial import BUSY, DONE, record_failure, status_of
from lossreg.experiment.sweep.successive_halving import HalvingTrials
from lossreg.experiment.sweep.summary import summarise
from lossreg.experiment.sweep.sweep_directory import directory_of, make_directory
from lossreg.experiment.sweep.sweep_progress import default_sweep_progress
from lossreg.experiment.sweep.trials import SweepPlan
from lossreg.experiment.training.interrupts import InterruptHandler
from lossreg.experiment.training.tables import FOLDER, Tables, remove

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from concurrent.futures import Future
    from pathlib import Path

    from lossreg.experiment.sweep.engines import Submit
    from lossreg.experiment.sweep.successive_halving import Ended
    from lossreg.experiment.sweep.summary import Summary
    from lossreg.experiment.sweep.sweep_progress import SweepProgress
    from lossreg.experiment.sweep.trials import Trial

PARAMETERS = (
    Parameter("jobs", PositiveInteger, 1),
    Parameter("engine", Literal["local", "dask"], "local"),
    Parameter("address", str | None, None),
)
POLL_SECONDS = 0.5


class TrialSource(Protocol):
    """Where trials come from."""

    trials: list[Trial]
    """The trials known so far."""
    total: int
    """How many there will be."""

    def take(self) -> Trial | None:
        """The next trial, if there is one."""

    def until(self, trial: Trial) -> int | None:
        """The epoch after which a trial pauses to be judged; None if it is trained to its end."""

    def ended(self, trial: Trial, status: str) -> Ended:
        """A trial has ended or paused, with this status; returns the trials that have ended by that."""


class FixedTrials:
    """A source of trials that are all known in advance; those that are done come first."""

    def __init__(self, trials: list[Trial], remaining: list[Trial]) -> None:
        self.trials, self.total = trials, len(trials)
        names = {trial.id for trial in remaining}
        self.waiting = deque([*(trial for trial in trials if trial.id not in names), *remaining])

    def take(self) -> Trial | None:
        """The next trial, if there is one."""
        return self.waiting.popleft() if self.waiting else None

    def until(self, trial: Trial) -> int | None:  # noqa: ARG002
        """No trial is judged before its end."""
        return None

    def ended(self, trial: Trial, status: str) -> Ended:
        """A trial has ended; the others do not depend on that."""
        return [(trial, status)]


def sweep(  # noqa: PLR0913  these are the options of the command
    source: str | Path | Mapping[str, Any],
    root: str | Path | None = None,
    progress: SweepProgress | None = None,
    *,
    changes: Iterable[str] = (),
    jobs: int = 1,
    engine: str = "local",
    address: str | None = None,
    name: str | None = None,
    tags: Iterable[str] = (),
    note: str = "",
    data: Any = None,
) -> Summary:
    """Run the trials of a sweep that are not done, in a directory of its name under `root`; see `lossreg.sweep`."""
    options = bind("sweep", PARAMETERS, {"jobs": jobs, "engine": engine, "address": address})
    if options["address"] is not None and options["engine"] != "dask":
        raise InvalidParameter(f"sweep: address: only the engine dask has one, got {address!r} with {engine!r}")
    given = labels.labels(tags, note)
    plan, progress = SweepPlan.read(source, changes), progress or default_sweep_progress()
    plan = replace(plan, name=name or plan.name)
    parent = files.root_of(root).resolve()
    path = directory_of(parent, plan.name, source)
    trials = plan.trials()
    remaining = [trial for trial in trials if status_of(path / trial.id) not in DONE]
    tables = Tables(source=data)
    plan.verify(remaining, tables)
    metric = plan.metric(trials, tables)
    goal = plan.sweep.goal or ("max" if higher_is_better(metric) else "min")
    names = {trial.id for trial in remaining}
    progress.outdated(path, outdated(path, [trial for trial in trials if trial.id not in names], tables))
    with files.explaining(path, "written to", f"runs go to {files.PLACES}"):
        labels.write(make_directory(parent, plan.name, source), given)
    trial_source: TrialSource = FixedTrials(trials, remaining)
    if plan.sweep.method == "optuna":
        trial_source = OptunaTrials(plan, path, metric, goal)
    elif plan.sweep.pruner is not None:
        trial_source = HalvingTrials(trials, path, metric, goal, plan.sweep.pruner)
    progress.started(path, metric, goal, trial_source.total)
    run_engine = ENGINES[options["engine"]]
    try:
        tables.write(path / FOLDER)
        with InterruptHandler() as interrupts, run_engine(options["jobs"], options["address"]) as (submit, slots):
            run_trials(trial_source, path, submit, slots, progress, interrupts)
    except KeyboardInterrupt:
        progress.stopped()
        raise
    finally:
        remove(path / FOLDER)
    summary = summarise(trial_source.trials, path, metric, goal)
    summary.write()
    progress.finished()
    return summary


def outdated(path: Path, trials: Iterable[Trial], tables: Tables) -> dict[str, list[str]]:
    """The changes of plugins, environment and data since trials were run, for those trials that have any."""
    found = {}
    fingerprints: dict[str, str] = {}
    for trial in trials:
        with suppress(OSError, NotResumable):
            directory = RunDirectory(path / trial.id)
            before = directory.read("environment.json", "config", "plugins")
            found[trial.id] = environment.changes(before, trial.config)
            data = repr(trial.config.data.resolved())
            if data not in fingerprints:
                fingerprints[data] = fingerprint(tables.get(trial.config))
            if directory.has_other_data(fingerprints[data]):
                found[trial.id].append("the data have changed")
    return {name: changes for name, changes in found.items() if changes}


def run_trials(  # noqa: PLR0913, PLR0917  a sweep consists of these
    source: TrialSource,
    path: Path,
    submit: Submit,
    slots: Callable[[], int],
    progress: SweepProgress,
    interrupts: InterruptHandler,
) -> None:
    """Run trials, as many at once as there are slots, until all have ended."""
    running: dict[Future[str], Trial] = {}
    busy: list[Trial] = []

    def has_ended(trial: Trial, status: str, *, earlier: bool = False) -> None:
        for each, final in source.ended(trial, status):
            progress.ended(each, final, earlier=earlier and each is trial)

    while True:
        interrupts.check()
        while len(running) < slots() and (trial := source.take()):
            status = status_of(path / trial.id)
            if status in DONE:
                has_ended(trial, status, earlier=True)
            else:
                running[submit(task(trial, path, source.until(trial)))] = trial
        if not running:
            if not busy:
                return
            progress.waiting(path, busy)
            time.sleep(POLL_SECONDS)
            running = {submit(task(trial, path, source.until(trial))): trial for trial in busy}
            busy = []
        for future in wait(running, POLL_SECONDS, FIRST_COMPLETED).done:
            trial = running.pop(future)
            status = final_status(future, path / trial.id)
            if status == BUSY:
                busy.append(trial)
                continue
            has_ended(trial, status)
        progress.update(running.values())


def task(trial: Trial, path: Path, until: int | None) -> dict[str, Any]:
    """The arguments of `run_trial`, as JSON values."""
    content, folder = trial.config.resolved(), str(path / trial.id)
    return {
        "path": folder,
        "name": trial.config.name,
        "content": content,
        "tables": str(path / FOLDER),
        "until": until,
    }


def final_status(future: Future[str], path: Path) -> str:
    """The status of a trial; one whose processes all died has failed, which is written to its directory."""
    try:
        return future.result()
    except (Exception, CancelledError) as error:  # noqa: BLE001  each engine raises its own
        message = f"{type(error).__name__}: {error}"
    try:
        marked_directories.ensure(path, "run")  # the process may have ended before it made the directory
        with RunDirectory(path) as directory:
            if status_of(path) not in DONE:
                record_failure(directory, message)
    except NotResumable:
        return BUSY
    except OSError:  # nothing can be written there
        return "failed"
    return status_of(path)
