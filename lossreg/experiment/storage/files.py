"""Write files atomically, so that a crash or a full disk leaves no partial file, and open regular files only.

A directory of runs may come from someone else: a link is never followed, and a pipe or a device never opened to wait
for it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACES = "--runs DIR, $LOSSREG_RUNS or experiments/runs"
SAFELY = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)

SEVERAL_NAMES = "has a second name, a hard link, and would be changed there too; a copy of it would not"


def has_several_names(path: Path) -> bool:
    """Return whether a file exists, and has more than one name on its file system."""
    return path.exists() and path.lstat().st_nlink > 1


def open_regular(path: Path, flags: int) -> int:
    """Open a regular file, and return its descriptor.

    Raises OSError for anything else, and for a file with several names that would be written to.
    """
    try:
        descriptor = os.open(path, flags | SAFELY, 0o666)
    except OSError as error:
        if path.is_symlink():
            raise OSError(errno.ELOOP, "is a link, which is not followed", str(path)) from error
        raise
    reason = "" if stat.S_ISREG(os.fstat(descriptor).st_mode) else "is not a regular file"
    if flags & os.O_WRONLY and os.fstat(descriptor).st_nlink > 1:
        reason = SEVERAL_NAMES
    if reason:
        os.close(descriptor)
        raise OSError(errno.EINVAL, reason, str(path))
    return descriptor


@contextmanager
def opened(path: Path, flags: int) -> Iterator[int]:
    """Open a regular file, and close it at the end."""
    descriptor = open_regular(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read(path: Path, most: int) -> bytes:
    """The content of a regular file. Raises OSError for anything else, and for one of more than `most` bytes."""
    with opened(path, os.O_RDONLY) as descriptor:
        large = os.fstat(descriptor).st_size > most
        with open(descriptor, "rb", closefd=False) as file:
            content = b"" if large else file.read(most + 1)  # it may be growing
    if large or len(content) > most:
        raise OSError(errno.EFBIG, f"is larger than the {most:,} bytes that are read of it", str(path))
    return content


def write(path: Path, content: str | bytes, hint: str = "") -> None:
    """Write a file under a temporary name and rename it, so that no reader sees a part; clean up after a failure.

    When this returns, the content and the name are on the disk. Raises OSError, which names the file.
    """
    temporary = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
    try:
        with explaining(path, hint=hint):
            if path.is_dir():  # renaming a file to . or .. says that the device is busy
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            with opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL) as descriptor:
                with open(descriptor, "wb", closefd=False) as file:
                    file.write(content.encode() if isinstance(content, str) else content)
                os.fsync(descriptor)
            temporary.replace(path)
            sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def append(path: Path, line: str) -> None:
    """Add a line to a file. Raises OSError, which names the file."""
    with (
        explaining(path),
        opened(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT) as descriptor,
        open(descriptor, "ab", closefd=False) as file,
    ):
        file.write(line.encode() + b"\n")


@contextmanager
def explaining(path: Path, what: str = "written", hint: str = "") -> Iterator[None]:
    """Add the path, which the system's message may lack (no space left on device), and a hint to an OSError."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{path}: cannot be {what}: {error.strerror or error}" + (hint and f"; {hint}")) from error


def sync(path: Path) -> None:
    """Flush a file, or the names in a directory, to the disk; do nothing if it does not exist."""
    if path.is_dir():
        if os.name == "posix":
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    elif path.exists():
        with opened(path, os.O_RDWR) as descriptor:
            os.fsync(descriptor)


def size(path: Path) -> int:
    """The size of a file, 0 for one that does not exist."""
    return path.lstat().st_size if path.exists() else 0


def cut(path: Path, to: int) -> None:
    """Truncate a file to a size that it had; do nothing for one that does not exist if the size is 0."""
    if to or path.exists():
        with explaining(path, "cut back"), opened(path, os.O_WRONLY) as descriptor:
            os.truncate(descriptor, to)


def root_of(given: str | Path | None) -> Path:
    """The directory of runs: the one given, or $LOSSREG_RUNS, or experiments/runs."""
    return folder("root", given or os.environ.get("LOSSREG_RUNS") or "experiments/runs")


def folder(name: str, given: Any) -> Path:
    """The path of a directory; raises InvalidParameter, with the parameter's name, for what is no path."""
    if not isinstance(given, str | os.PathLike) or "\0" in os.fsdecode(given):
        raise InvalidParameter(f"{name}: expected the path of a directory, got {given!r}")
    return Path(given)
