"""The cache of compiled loops on disk: numba's cache, with a checksum in every file, and a list of its files to clear.

numba unpickles any file at the expected path. Here a file starts with a digest of its name and content. A file that is
damaged or has been renamed is ignored, and its loop is compiled again.
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

CACHE_FILE = re.compile(r".+\.(nbi|\d+\.nbc|lock)(\.tmp\.\w+)?")
"""The names of cache files: the index (.nbi) and the code (.nbc) of a function, a lock, and temporary files."""
GENERATION = re.compile(r"_([0-9a-f]{8})[0-9a-f]{16}[-.]")


class CheckedFiles(IndexDataCacheFile):
    """numba's files for one function, its index and its code, each preceded by a digest."""

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
        # The digest shows that it is what was saved.
        return pickle.loads(data) if digest == self.digest(name, data) else None  # noqa: S301

    def _save_data(self, name: str, value: Any) -> None:
        data = self._dump(value)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(self.digest(name, data) + data)

    def digest(self, name: str, data: bytes) -> bytes:
        """The digest of a file, which also depends on the name of the index that the file belongs to."""
        return sha256(f"{self._index_name}\n{name}\n".encode() + data).digest()


class LoopCache(FunctionCache):
    """The cache of one loop. If its code cannot be saved, the loop is used nevertheless."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file = CheckedFiles(self.cache_path, self._impl.filename_base, None)

    def save_overload(self, signature: Any, data: Any) -> None:
        """Save the code for a signature, or warn that it cannot be saved."""
        try:
            super().save_overload(signature, data)
        except OSError as error:
            warn_of_no_cache(f"compiled code cannot be saved to {self.cache_path}: {error.strerror}")


@cache  # once per process: Python would show it again after every change of the warning filters
def warn_of_no_cache(reason: str) -> None:
    """Warn that loops are compiled again in every process."""
    warnings.warn(f"{reason}; every process compiles again", RuntimeWarning, stacklevel=3)


@dataclass(frozen=True)
class CachedFile:
    """A file of the cache: its path, its size in bytes, and whether it is of another version of lossreg or numba."""

    path: Path
    size: int
    stale: bool


def directories() -> list[Path]:
    """The directories of numba's cache for lossreg: NUMBA_CACHE_DIR, or next to the source and in the user's cache."""
    locators = [UserProvidedCacheLocator] if config.CACHE_DIR else [InTreeCacheLocator, UserWideCacheLocator]
    folders = sorted({KERNELS, *(path.parent for path in KERNELS.rglob("*.py"))})
    sources = [str(folder / "__init__.py") for folder in folders]
    return [Path(locator(directories, source).get_cache_path()) for locator in locators for source in sources]


def cached_files() -> list[CachedFile]:
    """List the cache files of lossreg's loops, without Python's bytecode caches in the same directories."""
    current = {generation(stock=stock) for stock in (False, True)}
    found = []
    for folder in directories():
        for path in sorted(folder.glob("*")):
            if CACHE_FILE.fullmatch(path.name) and path.is_file() and not path.is_symlink():
                generation_of_file = GENERATION.search(path.name)
                stale = generation_of_file is None or generation_of_file[1] not in current or ".tmp." in path.name
                found.append(CachedFile(path, path.stat().st_size, stale))
    return found


def clear(files: Iterable[CachedFile]) -> None:
    """Delete these files of the cache."""
    for file in files:
        file.path.unlink(missing_ok=True)
