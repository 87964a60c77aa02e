"""Checkpoints: everything that training needs to continue after a step, in one file.

A file holds the weights by name, the state of the optimizer, and in its header the step and the sizes of metrics.jsonl
and timings.jsonl. Everything else is recomputed: the order of the rows from the seed and the epoch, and the state of
the schedule, of early stopping and of the best epoch from the metrics.
"""

from __future__ import annotations

import json
import os
import re
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.errors import NotResumable
from lossreg.experiment.storage import files
from lossreg.experiment.storage.schemas import is_count
from lossreg.experiment.storage.untrusted import Unreadable, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

HEADER, DIGEST = "lossreg", "digest"


class Checkpoint(NamedTuple):
    """The state after a step: arrays by name, and the sizes of metrics.jsonl and timings.jsonl in bytes."""

    step: int
    arrays: Mapping[str, NDArray[Any]]
    sizes: Mapping[str, int]


def encode(arrays: Mapping[str, Any], header: dict[str, str] | None = None) -> bytes:
    """Encode arrays by name, and a header of at most one key, as a safetensors file.

    More keys would be written in another order each time.
    """
    from safetensors.numpy import save

    # safetensors 0.8 writes wrong numbers for arrays that are not contiguous
    return save({key: np.ascontiguousarray(array) for key, array in arrays.items()}, header)


def digest_of(arrays: Mapping[str, NDArray[Any]]) -> str:
    """The digest of arrays by name, by which damage is detected that leaves a file readable."""
    found = blake2b(digest_size=16)
    for name in sorted(arrays):
        found.update(name.encode())
        found.update(np.ascontiguousarray(arrays[name]).data.cast("B") if arrays[name].size else b"")
    return found.hexdigest()


def check_digest(header: Mapping[str, Any] | None, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Raise Unreadable for arrays that are not those of the digest in the header, if it has one."""
    if (header or {}).get(DIGEST, digest := digest_of(arrays)) != digest:
        raise Unreadable("the digest of its arrays is not the one in its header")


def path_of(folder: Path, step: int) -> Path:
    """The path of the checkpoint after a step."""
    return folder / f"step-{step}.safetensors"


def steps_in(folder: Path) -> list[int]:
    """The steps of the checkpoints in a directory, in order."""
    found = (re.fullmatch(r"step-(0|[1-9][0-9]*)\.safetensors", path.name) for path in folder.glob("step-*"))
    return sorted(int(match[1]) for match in found if match)


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    content = {"step": checkpoint.step, "sizes": dict(checkpoint.sizes), DIGEST: digest_of(checkpoint.arrays)}
    header = {HEADER: json.dumps(content)}
    files.write(path_of(folder, checkpoint.step), encode(checkpoint.arrays, header))


def read(folder: Path, step: int, most: int) -> Checkpoint:
    """Read the checkpoint after a step; raises NotResumable if it is damaged, or has more than `most` bytes."""
    from safetensors import SafetensorError, safe_open

    path = path_of(folder, step)
    try:
        with files.opened(path, os.O_RDONLY) as descriptor:
            size = os.fstat(descriptor).st_size
        if size > most:
            raise Unreadable(f"{size:,} bytes, where its model takes at most {most:,}")
        with safe_open(path, "numpy") as file:
            content = parsed(file.metadata()[HEADER])
            if content["step"] != step or not all(map(is_count, content["sizes"].values())):
                raise Unreadable(f"its header is not that of step {step}")
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  it is not iterable
            check_digest(content, arrays)
            return Checkpoint(step, arrays, content["sizes"])
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise NotResumable(f"{path}: is damaged ({error}); without it, an earlier checkpoint is resumed") from error


def prune(folder: Path, keep: int, best: set[int]) -> None:
    """Delete all checkpoints but the latest `keep` and those of the steps in `best`."""
    for step in set(steps_in(folder)[:-keep]) - best:
        path_of(folder, step).unlink()
