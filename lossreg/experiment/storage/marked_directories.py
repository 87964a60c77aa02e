"""Directories that lossreg makes, for runs and sweeps, each with a marker: the proof that it may be deleted.

    .lossreg    {"kind": "run", "directory": "20260102T030405.000006Z-digits-5f0c1a", "id": "...", "lossreg": "0.1.0"}

A marker counts only in the directory that it names, so that neither a copy of it nor a renamed directory passes for
what lossreg made.
"""

from __future__ import annotations

import json
import re
import secrets
from typing import TYPE_CHECKING, Literal

from lossreg.experiment.storage import files, locks

if TYPE_CHECKING:
    from pathlib import Path

Kind = Literal["run", "sweep"]

MARKER = ".lossreg"
MARKER_SIZE = 4096
NAME_LENGTH = 60

LOCKS = (locks.LOCK, locks.OWNER, locks.TAKEOVER)
OWN_FILES: dict[Kind, frozenset[str]] = {
    "run": frozenset(
        {
            *("config.yaml", "data.json", "environment.json", "status.json", "metrics.jsonl", "timings.jsonl"),
            *(
                "weights.safetensors",
                "predictions.safetensors",
                "proposal.json",
                "log.txt",
                "labels.json",
                *LOCKS,
                MARKER,
            ),
        }
    ),
    "sweep": frozenset({"sweep.json", "labels.json", "summary.json", "summary.csv", "best.yaml", *LOCKS, MARKER}),
}
"""The files that lossreg writes into a directory, apart from checkpoints."""
APPENDED = frozenset({"metrics.jsonl", "timings.jsonl", "log.txt"})
"""The files that are changed in place; all others are replaced."""
CHECKPOINT = re.compile(r"checkpoints/step-\d+\.safetensors")
TABLE = re.compile(r"\.tables/[0-9a-f]{32}\.(json|(inputs|targets)\.npy)")
"""The data of a sweep, which its trials share while it runs."""
PARTIAL = re.compile(r"(checkpoints/|\.tables/)?\..+\.part")


def create(path: Path, kind: Kind) -> None:
    """Make a directory that does not exist yet, with its marker. Raises FileExistsError if it exists."""
    path.mkdir()
    mark(path, kind)


def ensure(path: Path, kind: Kind) -> None:
    """Make a directory unless it exists; one that existed gets a marker only if it is empty, as it may be anyone's.

    Raises FileExistsError where something else has that name, and for a link, which may lead anywhere.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.mkdir()
    except FileExistsError:
        if path.is_symlink() or not path.is_dir():
            raise FileExistsError(f"{path}: is a link or a file, and not a directory that lossreg made") from None
    if all(PARTIAL.fullmatch(entry.name) for entry in path.iterdir()):
        mark(path, kind)


def check(path: Path) -> None:
    """Raise OSError for a run's directory in which anything leads elsewhere: lossreg writes regular files only."""
    checkpoints = path / "checkpoints"
    for folder in (path, checkpoints):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise OSError(f"{folder}: is not a directory, or a link to one, which is not followed")
    inner = checkpoints.glob("step-*") if checkpoints.exists() else ()
    for file in (*(path / name for name in sorted(OWN_FILES["run"])), *inner):
        if file.is_symlink() or (file.exists() and not file.is_file()):
            raise OSError(f"{file}: is not a regular file, or a link to one, which is not followed")
        if file.name in APPENDED and files.has_several_names(file):
            raise OSError(f"{file}: {files.SEVERAL_NAMES}")


def mark(path: Path, kind: Kind) -> None:
    """Write the marker of a directory."""
    from lossreg._version import __version__

    marker = {"kind": kind, "directory": path.name, "id": secrets.token_hex(16), "lossreg": __version__}
    files.write(path / MARKER, json.dumps(marker) + "\n")


def is_own(path: Path, kind: Kind) -> bool:
    """Whether a directory has a marker of this kind."""
    return not unproven(path, kind)


def unproven(path: Path, kind: Kind, name: str = "") -> str:
    """Why nothing proves that lossreg made a directory, which may have been renamed from `name`; empty if it did."""
    try:
        marker = json.loads(files.read(path / MARKER, MARKER_SIZE))
    except FileNotFoundError:
        return f"it has no {MARKER} file, which lossreg puts into every directory that it makes"
    except (OSError, ValueError, RecursionError):
        return f"its {MARKER} file cannot be read"
    if not isinstance(marker, dict) or marker.get("kind") != kind:
        return f"its {MARKER} file is not that of a {kind}"
    if marker.get("directory") != (name or path.name):
        return f"its {MARKER} file belongs to a directory named {marker.get('directory')!r}"
    return ""


def is_own_file(relative: str, kind: Kind) -> bool:
    """Whether a file, by its path within a directory, is one that lossreg writes."""
    within_run = kind == "run" and bool(CHECKPOINT.fullmatch(relative))
    of_sweep = kind == "sweep" and bool(TABLE.fullmatch(relative))
    return relative in OWN_FILES[kind] or within_run or of_sweep or bool(PARTIAL.fullmatch(relative))


def plain_name(name: str) -> str:
    """A name that is safe as part of a path and as an argument: without separators, not hidden, not like an option."""
    plain = re.sub(r"[^\w.-]+", "-", name).strip("-").lstrip(".-")[:NAME_LENGTH]
    return plain.encode("utf-8", "replace")[: 2 * NAME_LENGTH].decode("utf-8", "ignore") or "unnamed"
