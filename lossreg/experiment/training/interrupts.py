"""Let a run finish its step when Ctrl-C or SIGTERM arrives."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self

STOPPING = (signal.SIGINT, signal.SIGTERM)


class Paused(Exception):  # noqa: N818  it is no error
    """Training has reached the epoch after which a trial waits to be judged."""


class InterruptHandler:
    """A context that records the first SIGINT or SIGTERM, and raises KeyboardInterrupt at the second.

    Signals that the process ignores stay ignored. Outside the main thread, which alone receives signals, it does
    nothing.
    """

    def __init__(self) -> None:
        self.received = False
        self._previous: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            handled = (number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN)
            self._previous = {number: signal.signal(number, self._receive) for number in handled}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _receive(self, *_: object) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has arrived."""
        if self.received:
            raise KeyboardInterrupt
