"""Locks: one process at a time works in a directory, and others can find out whether one does.

    .lock          locked by flock, a lock that ends with its process, however that ends
    .lock.owner    where a file system or a system has no flock: the process that works in the directory

Whether the owner still exists can be decided only on its own machine. In doubt it does, and the directory is locked.
"""

from __future__ import annotations

import errno
import json
import os
import platform
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from lossreg.experiment.storage import files

if TYPE_CHECKING:
    from collections.abc import Mapping

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LOCK, OWNER, TAKEOVER = ".lock", ".lock.owner", ".lock.takeover"
OWNER_SIZE = 4096
UNSUPPORTED = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL}


class Lock:
    """A lock on a directory; it ends when it is closed, at the end of a `with`, or with the process."""

    def __init__(self, descriptor: int, owner: Path | None) -> None:
        self.descriptor, self.owner, self.process = descriptor, owner, os.getpid()

    def close(self) -> None:
        """Unlock the directory, unless this process is a fork of the one that locked it."""
        if os.getpid() == self.process:
            if self.owner is not None:
                self.owner.unlink(missing_ok=True)
            elif fcntl is not None:
                # Closing the file would not unlock it while a child that was forked meanwhile has it open.
                fcntl.flock(self.descriptor, fcntl.LOCK_UN)
        os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def acquire(folder: Path) -> Lock | None:
    """Lock a directory; None while another process has it locked, or may have."""
    with files.explaining(folder / LOCK):
        descriptor = files.open_regular(folder / LOCK, os.O_RDWR | os.O_CREAT)
    try:
        free = flock(descriptor, exclusive=True)
        if free is None and claim(folder):
            return Lock(descriptor, folder / OWNER)
        if free and not is_owned(folder):
            return Lock(descriptor, None)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def is_locked(folder: Path) -> bool | None:
    """Whether a process has a directory locked; None where that cannot be known."""
    if is_owned(folder):
        return True
    try:
        with files.opened(folder / LOCK, os.O_RDONLY) as descriptor:
            free = flock(descriptor, exclusive=False)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    return None if free is None else not free


def flock(descriptor: int, *, exclusive: bool) -> bool | None:
    """Lock an open file, without waiting; False if another process has, None where there are no such locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno in UNSUPPORTED:
            return None
        raise
    return True


def claim(folder: Path) -> bool:
    """Name this process as the owner of a directory, unless another is or may be."""
    try:
        return record(folder / OWNER)
    except FileExistsError:
        if is_owned(folder):
            return False
    try:  # the owner no longer exists; only one process may replace it
        record(folder / TAKEOVER)
    except FileExistsError:
        return False
    try:
        if is_owned(folder):
            return False
        (folder / OWNER).unlink(missing_ok=True)
        return record(folder / OWNER)
    finally:
        (folder / TAKEOVER).unlink(missing_ok=True)


def record(path: Path) -> bool:
    """Write which process this is into a file that does not exist yet. Raises FileExistsError if it does."""
    with files.opened(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
        os.write(descriptor, json.dumps(this_process()).encode())
    return True


def is_owned(folder: Path) -> bool:
    """Whether a directory has an owner that exists, or may exist."""
    try:
        owner = json.loads(files.read(folder / OWNER, OWNER_SIZE))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, RecursionError):
        return True
    return not isinstance(owner, dict) or may_exist(owner)


def hint(folder: Path) -> str:
    """What to do about a directory that is locked by a process that no longer exists, where that can happen."""
    files_left = [name for name in (OWNER, TAKEOVER) if (folder / name).exists()]
    return f"; if no process is at work there, delete {folder / files_left[0]}" if files_left else ""


def this_process() -> dict[str, Any]:
    """Describe this process, so that others can find out later whether it still exists."""
    return {"pid": os.getpid(), "host": platform.node(), "machine": machine(), "process_started": start_of(os.getpid())}


def may_exist(process: Mapping[str, Any]) -> bool:
    """Whether a process, as `this_process` describes it, may still exist; it is certain on the same machine only."""
    pid = process.get("pid")
    here = process.get("host") == platform.node() and process.get("machine") == machine()
    if not here or not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0 or os.name != "posix":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    started = start_of(pid)
    return started != "zombie" and (not started or process.get("process_started") in {started, None})


@cache
def machine() -> str:
    """The machine since it last booted, and its visible processes; empty where the system has no /proc."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def start_of(pid: int) -> str:
    """When a process began, as Linux counts it; "zombie" for one that has ended, empty where that is not known."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "zombie" if fields[0] == "Z" else fields[19]
