"""The cache of compiled loops on disk: numba's, in files that are checked before they are read, and can be cleared.

numba unpickles whatever lies at a file's path. Here a file starts with a digest of its name and content, and one that
is damaged, or lies under another's name, counts as not there: its loop is compiled again.
"""

from __future__ import annotations

import pickle
import re
import warnings
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numba import config

from lossreg.kernels.compiler.fingerprint import KERNELS, generation
from lossreg.kernels.compiler.numba_api import (
    FunctionCache,
    IndexDataCacheFile,
    InTreeCacheLocator,
    UserProvidedCacheLocator,
    UserWideCacheLocator,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

OURS = re.compile(r".+\.(nbi|\d+\.nbc|lock)(\.tmp\.\w+)?")
"""The files of a cache: an index and the code of a function, a lock, and what was left unfinished."""
GENERATION = re.compile(r"_([0-9a-f]{8})[0-9a-f]{16}[-.]")


class CheckedFiles(IndexDataCacheFile):
    """numba's index and code of one function, each behind its digest."""

    def _load_index(self) -> Any:
        return self._load_data(self._index_name) or {}

    def _save_index(self, overloads: Any) -> None:
        self._save_data(self._index_name, overloads)

    def _load_data(self, name: str) -> Any:
        try:
            content = Path(self._data_path(name)).read_bytes()
        except OSError:
            return None
        size = sha256().digest_size
        digest, data = content[:size], content[size:]
        return pickle.loads(data) if digest == self.digest(name, data) else None  # noqa: S301  it is what was saved

    def _save_data(self, name: str, value: Any) -> None:
        data = self._dump(value)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(self.digest(name, data) + data)

    def digest(self, name: str, data: bytes) -> bytes:
        """What the file of this name with this content starts with: by the index's name too, which its files share."""
        return sha256(f"{self._index_name}\n{name}\n".encode() + data).digest()


class LoopCache(FunctionCache):
    """The cache of a loop. What cannot be saved is used all the same."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = CheckedFiles(self.cache_path, self._impl.filename_base, None)

    def save_overload(self, signature: Any, data: Any) -> None:
        """Save the code for a signature, or warn that it cannot be."""
        try:
            super().save_overload(signature, data)
        except OSError as error:
            warn_of_no_cache(f"compiled code cannot be saved to {self.cache_path}: {error.strerror}")


@cache  # once: Python forgets what it has shown whenever somebody changes what is shown
def warn_of_no_cache(reason: str) -> None:
    """Warn that a loop is compiled in every process."""
    warnings.warn(f"{reason}; every process compiles anew", RuntimeWarning, stacklevel=3)


@dataclass(frozen=True)
class CachedFile:
    """A file of the cache: where it is, its bytes, and whether no loop of this lossreg and this numba will read it."""

    path: Path
    size: int
    stale: bool


def directories() -> list[Path]:
    """Where numba keeps what it compiles of lossreg's: in NUMBA_CACHE_DIR, else beside the source or in the home."""
    locators = [UserProvidedCacheLocator] if config.CACHE_DIR else [InTreeCacheLocator, UserWideCacheLocator]
    folders = sorted({KERNELS, *(path.parent for path in KERNELS.rglob("*.py"))})
    sources = [str(folder / "__init__.py") for folder in folders]
    return [Path(locator(directories, source).get_cache_path()) for locator in locators for source in sources]


def cached_files() -> list[CachedFile]:
    """The files of lossreg's loops. Nobody else's are in these directories but Python's own, which are left out."""
    current = {generation(stock=stock) for stock in (False, True)}
    found = []
    for folder in directories():
        for path in sorted(folder.glob("*")):
            if OURS.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                made = GENERATION.search(path.name)
                stale = made is None or made[1] not in current or ".tmp." in path.name
                found.append(CachedFile(path, path.stat().st_size, stale))
    return found


def clear(files: Iterable[CachedFile]) -> None:
    """Delete files of the cache."""
    for file in files:
        file.path.unlink(missing_ok=True)
