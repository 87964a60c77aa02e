"""Checkpoints: everything that training needs to continue after a step, in one file.

A file holds the weights by name, the state of the optimizer, and in its header its digest, the step, and the sizes and
digests of metrics.jsonl and timings.jsonl. Everything else is recomputed: the order of the rows from the seed and the
epoch, and the state of the schedule, of early stopping and of the best epoch from the metrics.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.errors import NotResumable
from lossreg.experiment.storage import digests, files
from lossreg.experiment.storage.schemas import are_texts, is_count
from lossreg.experiment.storage.untrusted import Unreadable, check_digest, parsed, read_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

HEADER = "lossreg"


class LogState(NamedTuple):
    """The size of a log in bytes, and the digest of its content; empty if it was not recorded."""

    size: int = 0
    digest: str = ""


class Checkpoint(NamedTuple):
    """The state after a step: arrays by name, and the states of metrics.jsonl and timings.jsonl."""

    step: int
    arrays: Mapping[str, NDArray[Any]]
    logs: Mapping[str, LogState]


def encode(arrays: Mapping[str, Any], header: dict[str, str] | None = None) -> bytes:
    """Encode arrays by name, and a header of at most one key, as a safetensors file.

    More keys would be written in another order each time.
    """
    from safetensors.numpy import save

    # safetensors 0.8 writes wrong numbers for arrays that are not contiguous
    return save({key: np.ascontiguousarray(array) for key, array in arrays.items()}, header)


def path_of(folder: Path, step: int) -> Path:
    """The path of the checkpoint after a step."""
    return folder / f"step-{step}.safetensors"


def steps_in(folder: Path) -> list[int]:
    """The steps of the checkpoints in a directory, in order."""
    found = (re.fullmatch(r"step-(0|[1-9][0-9]*)\.safetensors", path.name) for path in folder.glob("step-*"))
    return sorted(int(match[1]) for match in found if match)


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically."""
    sizes, log_digests = ({name: log[at] for name, log in checkpoint.logs.items()} for at in (0, 1))
    content = {digests.KEY: digests.BLANK.decode(), "step": checkpoint.step, "sizes": sizes, "digests": log_digests}
    encoded = encode(checkpoint.arrays, {HEADER: json.dumps(content)})
    files.write(path_of(folder, checkpoint.step), digests.with_digest(encoded))


def read(folder: Path, step: int, most: int) -> Checkpoint:
    """Read the checkpoint after a step; raises NotResumable if it is damaged, or has more than `most` bytes."""
    from safetensors import SafetensorError, safe_open

    path = path_of(folder, step)
    try:
        check_digest(read_bytes(path, most))
        with safe_open(path, "numpy") as file:
            content = parsed(file.metadata()[HEADER])
            sizes, log_digests = content["sizes"], content.get("digests", {})
            if content["step"] != step or not all(map(is_count, sizes.values())) or not are_texts(log_digests):
                raise Unreadable(f"its header is not that of step {step}")
            arrays = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118  it is not iterable
            logs = {name: LogState(size, log_digests.get(name, "")) for name, size in sizes.items()}
            return Checkpoint(step, arrays, logs)
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise NotResumable(f"{path}: is damaged ({error}); without it, an earlier checkpoint is resumed") from error


def prune(folder: Path, keep: int, best: set[int]) -> None:
    """Delete all checkpoints but the latest `keep` and those of the steps in `best`."""
    for step in set(steps_in(folder)[:-keep]) - best:
        path_of(folder, step).unlink()
