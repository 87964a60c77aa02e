"""The threads that share the work of a call, and how many a call may use."""

from __future__ import annotations

import os
from _thread import allocate_lock
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WORK = 1 << 19
"""The number of elements that makes one more thread useful; to wake one takes up to 200 microseconds. With two threads
huber of 500,000 elements takes 1.3 times as long as with one, and of 1,000,000 elements three quarters of the time.
Elements of a kernel with exponentials or logarithms count twice."""


def default_num_threads() -> int:
    """The value of LOSSREG_NUM_THREADS, or the number of processors that this process may use."""
    given = os.environ.get("LOSSREG_NUM_THREADS", "")
    if given and not (given.isdecimal() and int(given)):
        raise InvalidParameter(f"LOSSREG_NUM_THREADS: expected a whole number from 1, got {given!r}")
    return (
        int(given)
        if given
        else len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1
    )


_chosen: list[int] = []


def get_num_threads() -> int:
    """Return the number of threads that a loss may use. The results have the same bits for any number of threads."""
    if not _chosen:
        _chosen.append(default_num_threads())
    return _chosen[0]


def set_num_threads(number: int) -> None:
    """Set the largest number of threads that a loss may use. Raises InvalidParameter if it is below 1."""
    if not isinstance(number, int) or number < 1:
        raise InvalidParameter(f"number of threads: expected a whole number from 1, got {number!r}")
    _chosen[:] = [number]


def useful_threads(elements: int) -> int:
    """The number of threads that pay off for this many elements, whatever the limit on threads."""
    return elements // WORK


def split_evenly(count: int, threads: int) -> list[tuple[int, int]]:
    """Split range(count) into a range for each thread, as (first, last) with `last` excluded."""
    threads = max(1, min(get_num_threads(), count, threads))
    return list(pairwise(count * at // threads for at in range(threads + 1)))


class Worker:
    """A thread that runs one call after another. It waits at a lock, which wakes it sooner than the queue of a pool."""

    def __init__(self) -> None:
        self.started, self.finished = allocate_lock(), allocate_lock()
        self.started.acquire()
        self.finished.acquire()
        self.call: Any = None
        self.outcome: Any = None
        Thread(target=self.work, name="lossreg", daemon=True).start()

    def work(self) -> None:
        """Run calls as they come until the process ends."""
        while True:
            self.started.acquire()
            function, arguments = self.call
            try:
                self.outcome = function(*arguments), None
            except BaseException as error:  # noqa: BLE001  the thread that started the call raises it
                self.outcome = None, error
            self.call = function = arguments = None
            self.finished.release()

    def start(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Start a call."""
        self.call = function, arguments
        self.started.release()

    def result(self) -> tuple[Any, BaseException | None]:
        """Wait for the call; return its result and its error, if any."""
        self.finished.acquire()
        outcome, self.outcome = self.outcome, None
        return outcome


_idle: dict[int, list[Worker]] = {}
"""Idle workers by process id: threads do not survive a fork, so a child process starts its own."""


def run_in_threads(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call the function with each tuple of arguments concurrently, the last in this thread; results are in order."""
    *others, own = calls
    idle = _idle.setdefault(os.getpid(), [])
    workers = []
    for arguments in others:
        try:
            worker = idle.pop()  # checking first would let another thread take the last worker in between
        except IndexError:
            worker = Worker()
        worker.start(function, arguments)
        workers.append(worker)
    try:
        result = function(*own)
    finally:
        outcomes = [worker.result() for worker in workers]
        idle += workers
    for _, error in outcomes:
        if error is not None:
            raise error
    return [*(outcome for outcome, _ in outcomes), result]
