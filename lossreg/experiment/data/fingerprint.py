"""Identify the content of data, so that a run notices when they have changed."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from lossreg.experiment.data.table import Table

PIECES, PIECE = 64, 2**20
"""How many pieces of a memory-mapped array are read, and how many bytes each has: 64 MB take some 50 ms."""


def fingerprint(table: Table) -> str:
    """The fingerprint of a table: of all its numbers and names.

    Of inputs in a memory-mapped file of more than 64 MB, pieces at equal distances, and its size and modification time.
    """
    digest = blake2b(digest_size=16)
    digest.update(repr((table.classes, table.features, table.target_names)).encode())
    digest.update(repr(sorted(table.given)).encode() if table.given else b"")
    views = [] if table.second_view is None else [table.second_view]
    for array in (table.inputs, table.targets, *(table.given[name] for name in sorted(table.given)), *views):
        digest.update(repr((array.shape, array.dtype.str)).encode())
        add(digest, array)
    return digest.hexdigest()


def add(digest: Any, array: Any) -> None:
    """Add an array, or a sample of a large memory-mapped one."""
    if not isinstance(array, np.memmap) or array.nbytes <= PIECES * PIECE:
        digest.update(np.ascontiguousarray(array).view(np.uint8))
        return
    if array.filename:
        from pathlib import Path

        status = Path(array.filename).stat()
        digest.update(repr((status.st_size, status.st_mtime_ns)).encode())
    rows = max(1, PIECE * len(array) // array.nbytes)
    for start in np.linspace(0, len(array) - rows, PIECES).astype(int):
        digest.update(np.ascontiguousarray(array[start : start + rows]).view(np.uint8))
