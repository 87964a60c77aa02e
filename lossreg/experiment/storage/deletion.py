"""Delete the directories of runs and sweeps: only those that lossreg made, inside the directory of runs.

A deletion is planned first, so that a command can show it, and carried out if nothing has changed since. The directory
is renamed before its files are deleted, so that a rest of it is never taken for a run. Its marker is deleted last, so
that the next deletion can complete one that was killed.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lossreg.errors import InvalidInput
from lossreg.experiment.storage import files, locks
from lossreg.experiment.storage.marked_directories import MARKER, is_own, is_own_file, unproven
from lossreg.experiment.storage.runs import Run, runs_in
from lossreg.formatting import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lossreg.experiment.storage.marked_directories import Kind

MOUNTS = Path("/proc/self/mountinfo")
DELETED = re.compile(r"\.(.+)\.[0-9a-f]{8}\.deleted")


@dataclass(frozen=True)
class Deletion:
    """The planned deletion of a directory, or the reason why it is refused."""

    path: Path
    kind: Kind
    place: Path
    """The path without any link on the way to it; it may be a link itself, which is then all that is deleted."""
    identity: tuple[int, int]
    """The device and inode of the directory, which distinguish it from another one of the same name."""
    others: tuple[str, ...] = ()
    """What else is in the directory, which lossreg did not write."""
    refusal: str = ""

    is_link: bool = False
    """Whether the path is a link, which alone is deleted."""

    @property
    def warnings(self) -> list[str]:
        """What a user should know before it is carried out."""
        if self.is_link:
            return ["is a link; what it leads to stays"]
        return [f"also has {one_line(', '.join(self.others))}"] if self.others else []


def plan(path: Path, kind: Kind, root: Path, inner: Iterable[Path] = ()) -> Deletion:
    """Plan the deletion of a directory below `root`; `inner` are the places of runs in it that are deleted first."""
    place = path.resolve() if path.name in {"", ".."} else path.parent.resolve() / path.name
    status = place.lstat()
    identity = (status.st_dev, status.st_ino)
    if place == root or not place.is_relative_to(root):
        where = f"it is not inside {root}, the directory of runs; --runs DIR gives another one"
        return Deletion(path, kind, place, identity, refusal=where)
    if place.is_symlink():
        return Deletion(path, kind, place, identity, is_link=True)
    try:
        refusal = refused(place, kind, status.st_dev, set(inner))
        others = () if refusal else tuple(others_in(place, kind, set(inner)))
    except OSError as error:
        return Deletion(path, kind, place, identity, refusal=f"it cannot be read: {error.strerror}")
    return Deletion(path, kind, place, identity, others, refusal)


def refused(place: Path, kind: Kind, device: int, inner: set[Path]) -> str:
    """Why a directory is not deleted; empty where nothing is against it."""
    if reason := unproven(place, kind):
        return f"{reason}; if it may go, delete it by hand"
    if kind == "run" and Run(place).status == "running":
        return f"it is running; stop it first{locks.hint(place)}"
    if any(run.path not in inner for run in runs_in(place)):
        return "it has other runs in it; delete them first"
    mounted = mount_points()
    for folder, _, _ in os.walk(place, onerror=fail):
        if os.lstat(folder).st_dev != device or folder in mounted:
            return f"another file system or directory is mounted at {folder}"
    return ""


def mount_points() -> set[str]:
    """Return the directories at which something is mounted, as far as the system lists them.

    Without a list, a directory that is mounted at a second place of its own file system looks like any other.
    """
    try:
        lines = MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return set()
    # Blanks and backslashes are written as octal numbers.
    return {re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), line.split()[4]) for line in lines}


def fail(error: OSError) -> None:
    """Raise the error, which `os.walk` would ignore."""
    raise error


def others_in(place: Path, kind: Kind, inner: set[Path]) -> Iterator[str]:
    """What is in a directory that lossreg did not write: files by name, directories with the number of their files."""
    for entry in sorted(place.iterdir()):
        if entry in inner:
            continue
        is_folder = entry.is_dir() and not entry.is_symlink()
        if is_folder and kind == "run" and entry.name == "checkpoints":
            names = sorted(f"checkpoints/{inside.name}" for inside in entry.iterdir())
            yield from (name for name in names if not (is_own_file(name, kind) and is_plain(place / name)))
        elif is_folder:
            count = sum(len(names) for _, _, names in os.walk(entry))
            yield f"{entry.name}/ ({count:,} file{'s' * (count != 1)})"
        elif not (is_own_file(entry.name, kind) and is_plain(entry)):
            yield entry.name


def is_plain(path: Path) -> bool:
    """Whether a path is a regular file, and not a link to one."""
    return path.is_file() and not path.is_symlink()


def plan_all(runs: Iterable[Path], sweeps: Iterable[Path], root: Path) -> list[Deletion]:
    """Plan the deletion of runs, then that of sweeps: these ones, and those of which no run would be left."""
    planned = [plan(path, "run", root) for path in runs]
    deleted = places(planned)
    parents = {place.parent for place in deleted if place.parent != root}
    emptied = {
        parent for parent in parents if is_own(parent, "sweep") and {run.path for run in runs_in(parent)} <= deleted
    }
    return planned + [plan(path, "sweep", root, deleted) for path in sorted({*sweeps, *emptied})]


def places(planned: Iterable[Deletion]) -> set[Path]:
    """The places of the runs that a plan deletes."""
    return {one.place for one in planned if one.kind == "run" and not one.refusal and not one.is_link}


def delete_all(planned: Iterable[Deletion], root: Path) -> None:
    """Carry out a plan. Raises InvalidInput at what is refused, or has changed since it was planned."""
    planned = list(planned)
    for one in planned:
        delete(one, root, places(planned) if one.kind == "sweep" else ())
    for folder in {one.place.parent for one in planned}:
        if folder.is_dir():  # unless it was a sweep's, and has been deleted
            complete(folder)


def delete(planned: Deletion, root: Path, inner: Iterable[Path] = ()) -> None:
    """Carry out a deletion. Raises InvalidInput if it is refused, or if anything has changed since it was planned."""
    if planned.refusal:
        raise InvalidInput(f"{planned.path}: is not deleted: {planned.refusal}")
    changed = InvalidInput(f"{planned.path}: is not deleted: it has changed since it was listed")
    with files.explaining(planned.path, "deleted"):
        if plan(planned.path, planned.kind, root, inner) != planned:
            raise changed
        if planned.is_link:
            planned.place.unlink()
            return
        held = locks.acquire(planned.place)
        if held is None:
            raise InvalidInput(
                f"{planned.path}: is not deleted: it is running; stop it first{locks.hint(planned.place)}"
            )
        with held:
            renamed = planned.place.with_name(f".{planned.place.name}.{secrets.token_hex(4)}.deleted")
            planned.place.rename(renamed)
            status = renamed.lstat()
            if (status.st_dev, status.st_ino) != planned.identity:  # another took its place meanwhile
                renamed.rename(planned.place)
                raise changed
            erase(renamed)


def erase(renamed: Path) -> None:
    """Delete a directory that has been renamed: its lock and its marker last."""
    for entry in renamed.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name not in {locks.LOCK, MARKER}:
            entry.unlink()
    for name in (locks.LOCK, MARKER):
        (renamed / name).unlink(missing_ok=True)
    with suppress(FileNotFoundError):  # another process may have completed it
        renamed.rmdir()


def complete(folder: Path) -> None:
    """Complete the deletions in a directory that were killed, except those that another process is carrying out."""
    for renamed in folder.iterdir():
        match = DELETED.fullmatch(renamed.name)
        if not match or renamed.is_symlink() or not renamed.is_dir() or locks.is_locked(renamed):
            continue
        proven = any(not unproven(renamed, kind, match[1]) for kind in ("run", "sweep"))
        if proven or not any(renamed.iterdir()):
            with suppress(OSError):
                erase(renamed)
