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
"""Numbers for which another thread is worth waking, which takes up to 200 microseconds: for huber of half a million two
take 1.3 times as long as one, for a million three quarters. Those of a laborious kernel count twice."""


def available() -> int:
    """The number of processors that this process may use; LOSSREG_NUM_THREADS overrides it."""
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
    """The number of threads that a loss may use; the result has the same bits for any number."""
    if not _chosen:
        _chosen.append(available())
    return _chosen[0]


def set_num_threads(number: int) -> None:
    """Let a loss use up to `number` threads. Raises InvalidParameter below 1."""
    if not isinstance(number, int) or number < 1:
        raise InvalidParameter(f"number of threads: expected a whole number from 1, got {number!r}")
    _chosen[:] = [number]


def threads_for(numbers: int) -> int:
    """How many threads are worth waking for so many numbers, however many may be used."""
    return numbers // WORK


def shares(count: int, threads: int) -> list[tuple[int, int]]:
    """Split `count` pieces into a range for each thread, of at most so many threads."""
    threads = max(1, min(get_num_threads(), count, threads))
    return list(pairwise(count * at // threads for at in range(threads + 1)))


class Worker:
    """A thread that waits for one call after another at a lock, which wakes it sooner than a pool's queue does."""

    def __init__(self) -> None:
        self.given, self.done = allocate_lock(), allocate_lock()
        self.given.acquire()
        self.done.acquire()
        self.call: Any = None
        self.outcome: Any = None
        Thread(target=self.work, name="lossreg", daemon=True).start()

    def work(self) -> None:
        """Run the calls that are given, as long as the process lives."""
        while True:
            self.given.acquire()
            function, arguments = self.call
            try:
                self.outcome = function(*arguments), None
            except BaseException as error:  # noqa: BLE001  the thread that gave the call raises it
                self.outcome = None, error
            self.call = function = arguments = None
            self.done.release()

    def begin(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Start a call."""
        self.call = function, arguments
        self.given.release()

    def end(self) -> tuple[Any, BaseException | None]:
        """Wait for the call, and give its result or its error."""
        self.done.acquire()
        outcome, self.outcome = self.outcome, None
        return outcome


_idle: dict[int, list[Worker]] = {}
"""By process: threads do not survive a fork, so a child makes its own."""


def run_together(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call the function with each tuple of arguments, at the same time, the last in this thread; results in order."""
    *others, own = calls
    idle = _idle.setdefault(os.getpid(), [])
    workers = []
    for arguments in others:
        try:
            worker = idle.pop()  # a test before it would let another thread in between
        except IndexError:
            worker = Worker()
        worker.begin(function, arguments)
        workers.append(worker)
    try:
        result = function(*own)
    finally:
        outcomes = [worker.end() for worker in workers]
        idle += workers
    for _, error in outcomes:
        if error is not None:
            raise error
    return [*(found for found, _ in outcomes), result]
