"""Signals: Ctrl-C and SIGTERM let a run finish its step."""

from __future__ import annotations

import signal
import threading
from typing import Any, Self

STOPPING = (signal.SIGINT, signal.SIGTERM)


class InterruptHandler:
    """As a context: takes note of the first signal to stop, and raises KeyboardInterrupt at the second.

    Signals that the process ignores stay ignored; outside the main thread, which alone gets signals, it does nothing.
    """

    def __init__(self) -> None:
        self.received = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            heeded = (number for number in STOPPING if signal.getsignal(number) != signal.SIG_IGN)
            self._before = {number: signal.signal(number, self._note) for number in heeded}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, *_: object) -> None:
        if self.received:
            raise KeyboardInterrupt
        self.received = True

    def check(self) -> None:
        """Raise KeyboardInterrupt if a signal has arrived."""
        if self.received:
            raise KeyboardInterrupt
