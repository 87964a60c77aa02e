"""Engines: who runs trials. Each is a context that gives a `Submit` and the number of trials to have under way.

A future has the trial's status, or, after the processes that had the trial died RETRIES + 1 times, an exception.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from threading import Lock, local
from typing import IO, TYPE_CHECKING, Any, cast

from lossreg.experiment.extras import optional_imports
from lossreg.experiment.sweep.run_trial import work
from lossreg.kernels.drivers.threads import available

if TYPE_CHECKING:
    from collections.abc import Iterator

Submit = Callable[[dict[str, Any]], "Future[str]"]
"""Begins `trial.work` with some arguments, somewhere."""

RETRIES = 2
THREADS = ("LOSSREG_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def limits(jobs: int) -> dict[str, str]:
    """The environment of each of some processes that share this machine: its part of the threads, and at least one."""
    return dict.fromkeys(THREADS, str(max(1, available() // jobs)))


class WorkerProcess:
    """A process that runs trials, one after the other."""

    def __init__(self, environment: dict[str, str]) -> None:
        # In a session of its own, so that Ctrl-C on the terminal is for the one who asks, who then tells it.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lossreg.experiment.sweep.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.tasks, self.answers = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)

    def ask(self, task: dict[str, Any]) -> str:
        """Have a trial run, and give its status; raises EOFError if the process dies of it."""
        with suppress(BrokenPipeError, ValueError):  # it is gone, or to go
            print(json.dumps(task), file=self.tasks, flush=True)
        answer = self.answers.readline()
        if not answer:
            code = self.process.wait()
            how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
            raise EOFError(f"its process ended {how}")
        return str(json.loads(answer))


class ProcessPool:
    """Some worker processes, a thread for each; one that dies is replaced, and its trial gone on with."""

    def __init__(self, jobs: int) -> None:
        self.threads = ThreadPoolExecutor(jobs)
        self.environment = limits(jobs)
        self.own = local()
        self.workers: list[WorkerProcess] = []
        self.lock, self.closed = Lock(), False

    def submit(self, task: dict[str, Any]) -> Future[str]:
        """Have a trial run as soon as a process is free."""
        return self.threads.submit(self.carry_out, task)

    def carry_out(self, task: dict[str, Any]) -> str:
        """Have a trial run by this thread's process."""
        for attempt in range(RETRIES + 1):
            try:
                return self.worker(fresh=attempt > 0).ask(task)
            except EOFError:
                if attempt == RETRIES or self.closed:
                    raise
        raise AssertionError  # the last attempt returns or raises

    def worker(self, *, fresh: bool) -> WorkerProcess:
        """The process of this thread, started if there is none, or if there has to be another."""
        with self.lock:
            if fresh or not hasattr(self.own, "worker"):
                if self.closed:
                    raise EOFError("the sweep was stopped")
                self.own.worker = WorkerProcess(self.environment)
                self.workers.append(self.own.worker)
            worker: WorkerProcess = self.own.worker
            return worker

    def close(self) -> None:
        """End all processes: each finishes its step and leaves a checkpoint."""
        with self.lock:
            self.closed = True
            workers = self.workers
        try:
            for worker in workers:
                with suppress(BrokenPipeError):
                    worker.tasks.close()
            self.threads.shutdown(cancel_futures=True)
        except BaseException:  # in a hurry
            for worker in workers:
                worker.process.kill()
            raise
        for worker in workers:
            worker.process.wait()
            worker.answers.close()


@contextmanager
def processes(jobs: int, _: str | None) -> Iterator[tuple[Submit, Callable[[], int]]]:
    """Processes of this machine."""
    pool = ProcessPool(jobs)
    try:
        yield pool.submit, lambda: jobs
    finally:
        pool.close()


@contextmanager
def dask(jobs: int, address: str | None) -> Iterator[tuple[Submit, Callable[[], int]]]:
    """A Dask cluster: the one at an address, or else one of processes of this machine.

    Dask itself runs a trial again whose worker is lost; its scheduler says how often.
    """
    with optional_imports():
        from distributed import Client, LocalCluster

    with ExitStack() as stack:
        if address is None:
            options = {"dashboard_address": None, "silence_logs": logging.ERROR, "env": limits(jobs)}
            with unheeded(signal.SIGINT):
                address = stack.enter_context(LocalCluster(n_workers=jobs, threads_per_worker=1, **options))
        client = stack.enter_context(Client(address))
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)

        def submit(task: dict[str, Any]) -> Future[str]:
            future: Future[str] = executor.submit(work, **task)
            return future

        yield submit, lambda: max(1, sum(client.nthreads().values()))


@contextmanager
def unheeded(number: signal.Signals) -> Iterator[None]:
    """Let processes begun meanwhile ignore a signal: Ctrl-C on the terminal is for the one who asks."""
    try:
        before = signal.signal(number, signal.SIG_IGN)
    except ValueError:  # not in the main thread, which alone gets signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(number, before)


ENGINES = {"local": processes, "dask": dask}
