"""What is compiled, and not found in the cache on disk."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lossreg.kernels.compiler.numba_api import install_recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def compilations() -> Iterator[list[str]]:
    """As a context: a list that has in the end the names of the loops that were compiled, one for each signature."""
    found: list[str] = []
    with install_recorder("numba:compile") as recorder:
        yield found
    dispatchers = [event.data["dispatcher"] for _, event in recorder.buffer if event.is_start]
    # What a loop calls is compiled with it, and is no entry of its own.
    found += [each.py_func.__qualname__ for each in dispatchers if each.stats.cache_path]
