"""The engines that run trials: processes of this machine, or a Dask cluster.

Each is a context manager that returns a `Submit` function and a function that returns how many trials to run at once.
The future of a trial has its status, or an exception if the process that ran it died RETRIES + 1 times.
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
from tempfile import TemporaryFile
from threading import Lock, local
from typing import IO, TYPE_CHECKING, Any, cast

from lossreg.errors import InvalidParameter
from lossreg.experiment.sweep.run_trial import run_trial
from lossreg.extras import optional_imports
from lossreg.formatting import shortened
from lossreg.kernels.drivers.threads import default_num_threads

if TYPE_CHECKING:
    from collections.abc import Iterator

Submit = Callable[[dict[str, Any]], "Future[str]"]
"""Starts `run_trial` with some arguments in another process."""

RETRIES = 2
THREAD_VARIABLES = (
    "LOSSREG_NUM_THREADS",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


def thread_limits(jobs: int) -> dict[str, str]:
    """The environment variables that give each of `jobs` processes its share of the processors, at least one."""
    return dict.fromkeys(THREAD_VARIABLES, str(max(1, default_num_threads() // jobs)))


class WorkerProcess:
    """A process that runs trials, one after another."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.errors = TemporaryFile("w+", errors="replace")  # noqa: SIM115  it is open as long as the process lives
        # It starts a session of its own, so that Ctrl-C reaches only this process, which then closes the worker.
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lossreg.experiment.sweep.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self.tasks, self.answers = cast("IO[str]", self.process.stdin), cast("IO[str]", self.process.stdout)

    def run(self, task: dict[str, Any]) -> str:
        """Run a trial, and return its status; raises EOFError if the process dies."""
        with suppress(BrokenPipeError, ValueError):  # the process is dead, or about to end
            print(json.dumps(task), file=self.tasks, flush=True)
        answer = self.answers.readline()
        if not answer:
            code = self.process.wait()
            reason = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
            self.errors.seek(0)
            printed = [line.strip() for line in self.errors if line.strip()]
            raise EOFError(f"its process ended {reason}" + (f": {shortened(printed[-1])}" if printed else ""))
        status, warning = json.loads(answer)
        if warning:
            sys.stderr.write(f"lossreg: {warning}\n")
        return str(status)

    def close(self) -> None:
        """Wait until the process has ended, and close its files."""
        self.process.wait()
        self.answers.close()
        self.errors.close()


class ProcessPool:
    """Some worker processes, with a thread for each; one that dies is replaced, and its trial continued."""

    def __init__(self, jobs: int) -> None:
        self.threads = ThreadPoolExecutor(jobs)
        self.environment = thread_limits(jobs)
        self.of_this_thread = local()
        self.workers: list[WorkerProcess] = []
        self.lock, self.closed = Lock(), False

    def submit(self, task: dict[str, Any]) -> Future[str]:
        """Run a trial as soon as a process is free."""
        return self.threads.submit(self.run, task)

    def run(self, task: dict[str, Any]) -> str:
        """Run a trial in the process of this thread."""
        for attempt in range(RETRIES + 1):
            try:
                return self.worker(fresh=attempt > 0).run(task)
            except EOFError:
                if attempt == RETRIES or self.closed:
                    raise
        raise AssertionError  # the last attempt returns or raises

    def worker(self, *, fresh: bool) -> WorkerProcess:
        """The process of this thread, which is started if there is none yet, or if a fresh one is needed."""
        with self.lock:
            if fresh or not hasattr(self.of_this_thread, "worker"):
                if self.closed:
                    raise EOFError("the sweep was stopped")
                self.of_this_thread.worker = WorkerProcess(self.environment)
                self.workers.append(self.of_this_thread.worker)
            worker: WorkerProcess = self.of_this_thread.worker
            return worker

    def close(self) -> None:
        """End all processes; each finishes its step and writes a checkpoint."""
        with self.lock:
            self.closed = True
            workers = self.workers
        try:
            for worker in workers:
                with suppress(BrokenPipeError):
                    worker.tasks.close()
            self.threads.shutdown(cancel_futures=True)
        except BaseException:  # a second interrupt
            for worker in workers:
                worker.process.kill()
            raise
        for worker in workers:
            worker.close()


@contextmanager
def local_processes(jobs: int, _: str | None) -> Iterator[tuple[Submit, Callable[[], int]]]:
    """Run trials in processes of this machine."""
    pool = ProcessPool(jobs)
    try:
        yield pool.submit, lambda: jobs
    finally:
        pool.close()


@contextmanager
def dask(jobs: int, address: str | None) -> Iterator[tuple[Submit, Callable[[], int]]]:
    """Run trials on the Dask cluster at an address, or on one of processes of this machine.

    Dask itself repeats the trial of a worker that is lost; its scheduler decides how often.
    """
    with optional_imports():
        from distributed import Client, LocalCluster

    with ExitStack() as stack:
        if address is None:
            options = {"dashboard_address": None, "silence_logs": logging.ERROR, "env": thread_limits(jobs)}
            with ignored(signal.SIGINT):
                address = stack.enter_context(LocalCluster(n_workers=jobs, threads_per_worker=1, **options))
        try:
            client = stack.enter_context(Client(address))
        except OSError as error:
            raise OSError(f"sweep: address: no Dask scheduler answers at {address!r}: {error}") from error
        except Exception as error:  # each protocol raises its own for an address that it cannot read
            if not isinstance(address, str):
                raise
            raise InvalidParameter(
                f"sweep: address: expected the address of a Dask scheduler, such as tcp://192.0.2.1:8786, "
                f"got {address!r}: {error}"
            ) from error
        executor = client.get_executor(pure=False)
        stack.callback(executor.shutdown, wait=False)

        def submit(task: dict[str, Any]) -> Future[str]:
            future: Future[str] = executor.submit(run_trial, **task)
            return future

        yield submit, lambda: max(1, sum(client.nthreads().values()))


@contextmanager
def ignored(number: signal.Signals) -> Iterator[None]:
    """Let processes that are started inside the block ignore a signal, so that Ctrl-C reaches only this process."""
    try:
        previous = signal.signal(number, signal.SIG_IGN)
    except ValueError:  # this is not the main thread, which alone handles signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(number, previous)


ENGINES = {"local": local_processes, "dask": dask}
