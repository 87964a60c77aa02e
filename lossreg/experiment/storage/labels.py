"""Labels: the tags and the note that a user gives to a run, or to all runs of a sweep.

    labels.json    in the directory of a run or a sweep: {"tags": ["baseline"], "note": "before the new features"}

The runs of a sweep have the tags of the sweep besides their own.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from lossreg.errors import InvalidParameter
from lossreg.experiment.storage import files, untrusted
from lossreg.experiment.storage.digests import json_file
from lossreg.experiment.storage.schemas import are_names, is_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "labels.json"
TAG = re.compile(r"[\w.:+-]+")


class Labels(NamedTuple):
    """Tags, each once, and a note, which may be empty."""

    tags: tuple[str, ...] = ()
    note: str = ""


def labels(tags: Iterable[str], note: str) -> Labels:
    """Make labels from what a user gives; raises InvalidParameter for a tag that a condition could not select."""
    found = tuple(dict.fromkeys(tags))
    for tag in found:
        if not isinstance(tag, str) or not TAG.fullmatch(tag):
            raise InvalidParameter(f"tag: expected letters, digits and any of _ . : + -, such as baseline, got {tag!r}")
    if not is_text(note):
        raise InvalidParameter(f"note: expected a text, got {note!r}")
    return Labels(found, note)


def write(path: Path, given: Labels) -> None:
    """Write the labels of a directory, if there are any."""
    if given != Labels():
        files.write(path / FILE, json_file(given._asdict()))


def read(path: Path) -> Labels:
    """The labels of a run: the tags of its sweep and its own, and its own note or that of its sweep."""
    above, own = read_file(path.parent), read_file(path)
    return Labels(tuple(dict.fromkeys([*above.tags, *own.tags])), own.note or above.note)


def read_file(path: Path) -> Labels:
    """The labels that a directory records; of a file that cannot be used, none."""
    try:
        content = untrusted.read_json(path / FILE)
    except (FileNotFoundError, untrusted.Unreadable):
        return Labels()
    if not isinstance(content, dict):
        return Labels()
    tags: Any = content.get("tags")
    note: Any = content.get("note")
    return Labels(tuple(tags) if are_names(tags) else (), note if is_text(note) else "")
