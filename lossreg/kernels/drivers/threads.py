"""How many threads a loss may use, and the threads."""

from __future__ import annotations

import os
from _thread import allocate_lock
from threading import Thread
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def available() -> int:
    """The processors that this process may use; LOSSREG_NUM_THREADS overrides."""
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


class Worker:
    """A thread that waits for one call after another, by a lock: that wakes it sooner than the queue of a pool does."""

    def __init__(self) -> None:
        self.given, self.done = allocate_lock(), allocate_lock()
        self.given.acquire()
        self.done.acquire()
        self.call: Any = None
        self.outcome: Any = None
        Thread(target=self.work, name="lossreg", daemon=True).start()

    def work(self) -> None:
        """Do what is given, as long as the process lives."""
        while True:
            self.given.acquire()
            function, arguments = self.call
            try:
                self.outcome = function(*arguments), None
            except BaseException as error:  # noqa: BLE001  who gave the call gets it
                self.outcome = None, error
            self.call = function = arguments = None
            self.done.release()

    def begin(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        """Have it do a call."""
        self.call = function, arguments
        self.given.release()

    def end(self) -> tuple[Any, BaseException | None]:
        """Wait for the call; gives its result, or its error."""
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
            worker = idle.pop()  # at once, where a test and a pop would let another thread in between
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
