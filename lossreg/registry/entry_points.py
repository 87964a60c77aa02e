"""What is installed: the entry points of distributions on the module path, read from their files.

importlib.metadata reads the same files, but importing it takes longer than all else that `lossreg list` does: it brings
the parser of e-mail, sockets and zip files. So it is asked only where distributions lie elsewhere than in directories.
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
"""Where a directory about a distribution tells its name and version, by how the directory is called."""


class Point(NamedTuple):
    """An entry point, and whose it is; `value` is a module, or module:object."""

    group: str
    name: str
    value: str
    distribution: str
    version: str


def entry_points(prefix: str) -> list[Point]:
    """The entry points in groups whose names begin so; of a distribution found twice, those that come first count."""
    elsewhere = any(finder is not PathFinder and hasattr(finder, "find_distributions") for finder in sys.meta_path)
    if elsewhere or any(map(os.path.isfile, sys.path)):
        return from_library(prefix)
    return [point for directory in directories() for point in from_directory(directory, prefix)]


def from_library(prefix: str) -> list[Point]:
    """The same, as importlib.metadata has them."""
    from importlib.metadata import distributions

    seen: set[str] = set()
    found = []
    for distribution in distributions():
        name = distribution.name or "unknown"
        if folded(name) not in seen:
            seen.add(folded(name))
            points = [point for point in distribution.entry_points if point.group.startswith(prefix)]
            found += [Point(point.group, point.name, point.value, name, distribution.version) for point in points]
    return found


def directories() -> Iterator[str]:
    """The directories about distributions, one for each."""
    seen: set[str] = set()
    for place in sys.path:
        try:
            names = os.listdir(place or ".")  # noqa: PTH208  pathlib is slow to import
        except OSError:
            continue
        for name in names:
            distribution = folded(name.partition("-")[0])
            if name.endswith(tuple(METADATA)) and distribution not in seen:
                seen.add(distribution)
                yield os.path.join(place, name)  # noqa: PTH118  as above


def from_directory(directory: str, prefix: str) -> Iterator[Point]:
    """The entry points of the distribution that a directory is about."""
    text = read(directory, "entry_points.txt")
    if f"[{prefix}" not in text:
        return
    told = read(directory, METADATA[os.path.splitext(directory)[1]]).partition("\n\n")[0]  # noqa: PTH122  as above
    facts = dict(re.findall(r"^(Name|Version):\s*(.*?)\s*$", told, re.MULTILINE))
    group = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1]
        elif "=" in line and not line.startswith("#") and group.startswith(prefix):
            name, value = map(str.strip, line.split("=", 1))
            yield Point(group, name, value, facts.get("Name", "unknown"), facts.get("Version", ""))


def read(directory: str, name: str) -> str:
    """A file's text; none where there is no such file."""
    try:
        with open(os.path.join(directory, name), encoding="utf-8") as file:  # noqa: PTH118, PTH123  as above
            return file.read()
    except OSError:
        return ""


def folded(distribution: str) -> str:
    """A distribution's name as packaging compares it: in lower case, with runs of ``-_.`` as one."""
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()
