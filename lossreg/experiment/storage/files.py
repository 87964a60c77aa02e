"""Files that survive what happens to a process: written whole, appended to by lines, cut back, and locked."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows, where nothing stops a second process
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"
PLACES = "--runs DIR, $LOSSREG_RUNS or experiments/runs"


def write(path: Path, content: str | bytes) -> None:
    """Write a file under another name first, so that nobody ever sees half of it, and leave no trace of a failure.

    When this returns, the content and the name are on the disk. Raises OSError, which names the file.
    """
    temporary = path.with_name(f".{path.name}.part")
    try:
        with explaining(path):
            with temporary.open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def append(path: Path, line: str) -> None:
    """Add a line to a file. Raises OSError, which names the file."""
    with explaining(path), path.open("ab") as file:
        file.write(line.encode() + b"\n")


@contextmanager
def explaining(path: Path, what: str = "written", hint: str = "") -> Iterator[None]:
    """Put the path into an OSError, which the system's message may lack (no space left on device), and what to do."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{path}: cannot be {what}: {error.strerror or error}" + (hint and f"; {hint}")) from error


def sync(path: Path) -> None:
    """Bring a file, or the names in a directory, to the disk; nothing for one that is not there."""
    if not path.exists() or (path.is_dir() and os.name != "posix"):
        return
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def size(path: Path) -> int:
    """The size of a file, 0 for one that is not there."""
    return path.stat().st_size if path.exists() else 0


def cut(path: Path, to: int) -> None:
    """Cut a file back to a size that it had; one that is not there is left alone if it had none."""
    if to or path.exists():
        os.truncate(path, to)


def lock(folder: Path) -> Any | None:
    """Lock a run's directory: the lock, which ends when it is closed or the process does; None while another has it."""
    with explaining(folder / LOCK):
        file = (folder / LOCK).open("a")
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def is_locked(folder: Path) -> bool:
    """Whether a process has a run's directory locked; where there are no locks, it may have."""
    if fcntl is None:
        return True
    with suppress(OSError), (folder / LOCK).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def root_of(given: str | Path | None) -> Path:
    """The directory of runs: the one given, or $LOSSREG_RUNS, or experiments/runs."""
    return folder("root", given or os.environ.get("LOSSREG_RUNS") or "experiments/runs")


def folder(name: str, given: Any) -> Path:
    """The path of a directory; raises InvalidParameter, with the parameter's name, for what is no path."""
    if not isinstance(given, str | os.PathLike):
        raise InvalidParameter(f"{name}: expected the path of a directory, got {given!r}")
    return Path(given)
