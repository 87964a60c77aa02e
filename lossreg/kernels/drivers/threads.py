"""The threads that share the work of a call, and how many a call may use."""

from __future__ import annotations

import os
from _thread import allocate_lock, get_ident
from collections import deque
from contextlib import suppress
from itertools import pairwise
from threading import Thread
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from _thread import LockType
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


class Part:
    """A part of a call, which whichever thread comes first computes."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.work: Any = (function, arguments)
        self.result: Any = None
        self.error: BaseException | None = None
        self.has_ended = False
        self.end = allocate_lock()
        self.end.acquire()

    def claim(self) -> bool:
        """Return whether this thread computes the part: the first thread that asks does."""
        return self.__dict__.setdefault("thread", get_ident()) == get_ident()  # setdefault is atomic

    def run(self) -> None:
        """Compute the part, unless another thread does."""
        if self.work is None or not self.claim():
            return
        function, arguments = self.work
        try:
            self.result = function(*arguments)
        except BaseException as error:  # noqa: BLE001  the thread that made the call raises it
            self.error = error
        self.work = function = arguments = None
        self.has_ended = True
        self.end.release()

    def withdraw(self) -> None:
        """After an interrupt, ensure that no thread computes the part any more: wait for one that does."""
        while not self.claim() and not self.has_ended:
            with suppress(KeyboardInterrupt):  # the thread is still writing to the arrays of the call
                self.end.acquire()
        self.work = None


class Workers:
    """The threads of a process that compute parts of calls.

    Each waits at a lock of its own, which wakes it sooner than the queue of a pool. A signal may interrupt the calling
    thread at any instruction, so there is no list of idle threads that could be left wrong: a thread that is woken
    computes whatever parts are waiting, and the calling thread computes those of its parts that no other has begun.
    """

    def __init__(self) -> None:
        self.waiting: deque[Part] = deque()
        self.locks: list[LockType] = []
        self.callers: set[int] = set()

    def work(self, lock: LockType) -> None:
        """Compute parts as a thread, as long as the process lives."""
        while True:
            lock.acquire()
            while self.waiting:
                with suppress(IndexError):  # another thread took the last one
                    self.waiting.popleft().run()

    def submit(self, parts: list[Part]) -> None:
        """Have threads compute parts; start more threads if there are too few for the calls that are in progress."""
        self.waiting.extend(parts)
        wanted = len(parts) * len(self.callers)
        while len(self.locks) < wanted:
            lock = allocate_lock()
            Thread(target=self.work, args=(lock,), name="lossreg", daemon=True).start()
            self.locks.append(lock)
        for lock in self.locks[:wanted]:
            with suppress(RuntimeError):  # the thread is awake already
                lock.release()


_workers: dict[int, Workers] = {}
"""The threads by process id: threads do not survive a fork, so a child process starts its own."""


def run_in_threads(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call the function with each tuple of arguments concurrently, the last in this thread; results are in order."""
    *others, own = calls
    if not others:
        return [function(*own)]
    workers = _workers.get(os.getpid()) or _workers.setdefault(os.getpid(), Workers())
    parts = [Part(function, arguments) for arguments in others]
    workers.callers.add(get_ident())
    try:
        workers.submit(parts)
        result = function(*own)
        for part in parts:
            part.run()
        for part in parts:
            part.end.acquire()
    except BaseException:
        for part in parts:
            part.withdraw()
        raise
    finally:
        workers.callers.discard(get_ident())
    for part in parts:
        if part.error is not None:
            raise part.error
    return [*(part.result for part in parts), result]
