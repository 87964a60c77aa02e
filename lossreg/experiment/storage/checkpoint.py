"""Checkpoints: all that it takes to go on after a step, in one file; the latest few and the best are kept.

A file has the network's weights by name, the optimizer's numbers, and in its header the step and the sizes that
metrics.jsonl and timings.jsonl had. The rest follows: the order of an epoch's rows from seed and epoch, and what
schedule, early stopping and the best epoch go by from the metrics.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.errors import NotResumable
from lossreg.experiment.storage import files
from lossreg.experiment.storage.untrusted import Unreadable, is_count, parsed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

HEADER = "lossreg"


class Checkpoint(NamedTuple):
    """A run after a step: arrays by name, and the sizes of its logs."""

    step: int
    arrays: Mapping[str, NDArray[Any]]
    sizes: Mapping[str, int]


def encode(arrays: Mapping[str, Any], header: dict[str, str] | None = None) -> bytes:
    """The content of a safetensors file."""
    from safetensors.numpy import save

    # safetensors 0.8 writes wrong numbers for arrays that are not contiguous
    return save({key: np.ascontiguousarray(array) for key, array in arrays.items()}, header)


def path_of(folder: Path, step: int) -> Path:
    """Where the checkpoint after a step is."""
    return folder / f"step-{step}.safetensors"


def steps_in(folder: Path) -> list[int]:
    """The steps that there are checkpoints after, in order."""
    found = (re.fullmatch(r"step-(0|[1-9][0-9]*)\.safetensors", path.name) for path in folder.glob("step-*"))
    return sorted(int(match[1]) for match in found if match)


def write(folder: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint, whole or not at all."""
    header = {HEADER: json.dumps({"step": checkpoint.step, "sizes": dict(checkpoint.sizes)})}
    files.write(path_of(folder, checkpoint.step), encode(checkpoint.arrays, header))


def read(folder: Path, step: int, most: int) -> Checkpoint:
    """Read the checkpoint after a step, of at most so many bytes; raises NotResumable for a file that is damaged."""
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
            return Checkpoint(step, {key: file.get_tensor(key) for key in file.keys()}, content["sizes"])  # noqa: SIM118
    except (SafetensorError, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise NotResumable(f"{path}: is damaged ({error}); without it, an earlier checkpoint is resumed") from error


def prune(folder: Path, keep: int, best: set[int]) -> None:
    """Delete all but the latest `keep` checkpoints and the best."""
    for step in set(steps_in(folder)[:-keep]) - best:
        path_of(folder, step).unlink()
