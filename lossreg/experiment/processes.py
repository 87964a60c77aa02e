"""Processes: whether the one that wrote a run's status still runs."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOCKS_DIFFER = 10.0  # seconds by which the clock of processes and that of files may disagree


def alive(state: Mapping[str, Any]) -> bool:
    """Whether the process that wrote a status still runs; of another machine's nothing is known, and it is believed."""
    pid = state.get("pid")
    if state.get("host", platform.node()) != platform.node() or sys.platform == "win32":
        return True
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not began_after(pid, str(state.get("time")))


def began_after(pid: int, time: str) -> bool:
    """Whether a process began after a time: then it is another one, which was given the number of one that is gone."""
    try:
        ticks = int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19])
        boot = float(Path("/proc/stat").read_text("utf-8").partition("\nbtime ")[2].split()[0])
        began = boot + ticks / os.sysconf("SC_CLK_TCK")
        return began > datetime.fromisoformat(time).timestamp() + CLOCKS_DIFFER
    except (OSError, ValueError, IndexError):  # no such files, or a status without a time: take its word
        return False
