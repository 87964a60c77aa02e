"""Record which loops are compiled, as opposed to loaded from the cache on disk."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lossreg.kernels.compiler.numba_api import install_recorder

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def compilations() -> Iterator[list[str]]:
    """Yield a list that is filled at the end of the context with the name of each loop and signature compiled in it."""
    found: list[str] = []
    with install_recorder("numba:compile") as recorder:
        yield found
    dispatchers = [event.data["dispatcher"] for _, event in recorder.buffer if event.is_start]
    # A function that a loop calls is compiled with the loop, and has no cache of its own.
    found += [each.py_func.__qualname__ for each in dispatchers if each.stats.cache_path]
