"""The directory of a sweep: it has the name of the config, and belongs to one config.

    sweep.json    the path of the config, relative to the directory, or for a dict the hash of what its trials share

Another config of the same name has a directory of its own, whose name ends in a hash. A directory whose config was
moved or deleted belongs to the next config of that name.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from lossreg.experiment.config.keys import SWEEP
from lossreg.experiment.config.yaml_document import to_builtin_types
from lossreg.experiment.storage import files, marked_directories, untrusted
from lossreg.experiment.storage.digests import json_file

FILE = "sweep.json"
HASH_LENGTH = 6


def make_directory(root: Path, name: str, source: str | Path | Mapping[str, Any]) -> Path:
    """Make the directory of a sweep under `root` unless it exists, record its config in it, and return its path."""
    path = directory_of(root, name, source)
    marked_directories.ensure(path, "sweep")
    owner = owner_from(path, source)
    if read_owner(path) != owner:
        files.write(path / FILE, json_file(owner))
    return path


def directory_of(root: Path, name: str, source: str | Path | Mapping[str, Any]) -> Path:
    """The directory of a sweep, which need not exist yet."""
    path = root / marked_directories.plain_name(name)
    if not is_of_another(path, source):
        return path
    where = shared_content(source) if isinstance(source, Mapping) else str(Path(source).resolve())
    return path.with_name(f"{path.name}-{sha256(where.encode()).hexdigest()[:HASH_LENGTH]}")


def is_of_another(path: Path, source: str | Path | Mapping[str, Any]) -> bool:
    """Whether a directory belongs to another config, which still exists."""
    recorded, own = read_owner(path), owner_from(path, source)
    if recorded is None or recorded == own:
        return False
    config = recorded.get("config")
    return not isinstance(config, str) or (path / config).exists()


def owner_from(path: Path, source: str | Path | Mapping[str, Any]) -> dict[str, str]:
    """What the directory of a config's sweep records."""
    if isinstance(source, Mapping):
        return {"content": sha256(shared_content(source).encode()).hexdigest()}
    return {"config": os.path.relpath(Path(source).resolve(), path)}


def shared_content(source: Mapping[str, Any]) -> str:
    """What the trials of a dict share, so that a sweep of more values is the same sweep."""
    return repr(to_builtin_types({key: value for key, value in source.items() if key != SWEEP}))


def read_owner(path: Path) -> dict[str, Any] | None:
    """What a directory records of its config; None if it records nothing that can be read."""
    try:
        content = untrusted.read_json(path / FILE)
    except (FileNotFoundError, untrusted.Unreadable):
        return None
    return content if isinstance(content, dict) else None
