"""How many threads a loss may use, and the pool that they come from."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache
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


@cache
def _pool(_: int) -> ThreadPoolExecutor:
    """The pool of this process: threads do not survive a fork, so a child makes its own."""
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="lossreg")


def run_together(function: Callable[..., Any], calls: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Call the function with each tuple of arguments, at the same time, the last in this thread; results in order."""
    *others, own = calls
    futures = [_pool(os.getpid()).submit(function, *arguments) for arguments in others]
    result = function(*own)
    return [*(future.result() for future in futures), result]
