"""The entry points of the distributions on the module path, read from their files.

importlib.metadata reads the same files, but importing it takes longer than everything else that `lossreg list` does,
because it imports the parser of e-mail, sockets and zip files. So it is used only where distributions are not
directories: in zip files, or behind import hooks.

Bytes that are not UTF-8 never end a reading: they are replaced, so that they damage at most the line they are in.
"""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

METADATA = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}
"""The file with a distribution's name and version, by the suffix of the directory that it is in."""


class Point(NamedTuple):
    """An entry point and the distribution that has it; `value` is a module, or module:object."""

    group: str
    name: str
    value: str
    distribution: str
    version: str


def entry_points(prefix: str) -> list[Point]:
    """Return the entry points of all groups that begin with `prefix`; a distribution found twice counts once."""
    elsewhere = any(finder is not PathFinder and hasattr(finder, "find_distributions") for finder in sys.meta_path)
    if elsewhere or any(map(os.path.isfile, sys.path)):
        return from_importlib(prefix)
    return [
        point
        for directory in directories()
        for point in parse(
            prefix,
            read(directory, "entry_points.txt"),
            read(directory, METADATA[os.path.splitext(directory)[1]]),  # noqa: PTH122  pathlib is slow to import
        )
    ]


def from_importlib(prefix: str) -> list[Point]:
    """Return the same, from the files that importlib.metadata finds."""
    from importlib.metadata import Distribution, distributions

    def read_text(distribution: Distribution, *names: str) -> str:
        for name in names:
            try:
                text = distribution.read_text(name)
            except (OSError, UnicodeDecodeError):
                continue
            if text:
                return text
        return ""

    found: dict[str, list[Point]] = {}
    for distribution in distributions():
        metadata = read_text(distribution, *METADATA.values())
        points = parse(prefix, read_text(distribution, "entry_points.txt"), metadata)
        key = normalized_distribution(name_and_version(metadata)[0]) if metadata else str(len(found))
        found.setdefault(key, points)
    return [point for points in found.values() for point in points]


def directories() -> Iterator[str]:
    """Yield the metadata directory of each distribution, the first one of several."""
    seen: set[str] = set()
    for place in sys.path:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208  pathlib is slow to import
        except OSError:
            continue
        for name in names:
            stem, suffix = os.path.splitext(name)  # noqa: PTH122  as above
            distribution = normalized_distribution(stem.partition("-")[0])
            if suffix in METADATA and distribution not in seen:
                seen.add(distribution)
                yield os.path.join(place, name)  # noqa: PTH118  as above


def parse(prefix: str, text: str, metadata: str) -> list[Point]:
    """Parse the text of an entry_points.txt; of an entry point that is there twice, the first one counts."""
    if f"[{prefix}" not in text:
        return []
    distribution, version = name_and_version(metadata)
    found: dict[tuple[str, str], Point] = {}
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1]
        elif "=" in line and not line.startswith("#") and group.startswith(prefix):
            name, value = map(str.strip, line.split("=", 1))
            found.setdefault((group, name), Point(group, name, value, distribution, version))
    return list(found.values())


def name_and_version(metadata: str) -> tuple[str, str]:
    """Return the name and the version that a METADATA file gives."""
    header = metadata.partition("\n\n")[0]
    fields = dict(re.findall(r"^(Name|Version):\s*(.*?)\s*$", header, re.MULTILINE))
    return fields.get("Name", "unknown"), fields.get("Version", "")


def read(directory: str, name: str) -> str:
    """Return a file's text, or an empty one if it cannot be read."""
    try:
        with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:  # noqa: PTH118, PTH123  as above
            return file.read()
    except OSError:
        return ""


def normalized_distribution(name: str) -> str:
    """Return a distribution's name as packaging compares it: in lower case, with each run of ``-_.`` as one hyphen."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()
