"""Specialize a template for a kernel: a compiled loop, which other processes find in the cache on disk.

A loop is a clone of a template with other globals. Its name contains a fingerprint of all that determines its code: the
kernel with every function that it calls, the source of lossreg.kernels, and the options. An edit of any of these
changes the name; without an edit, a second process loads the loop from disk and compiles nothing.
"""

from __future__ import annotations

import gc
import os
import re
import types
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from numba import njit

from lossreg.kernels.compiler.cache import LoopCache, warn_of_no_cache
from lossreg.kernels.compiler.numba_api import Compiler, global_compiler_lock, set_cache
from lossreg.kernels.compiler.numba_extensions import load_extensions
from lossreg.kernels.compiler.options import REORDERED, is_stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


PASS_LINES = (
    *("Failed in nopython", "During:", "There are", "raised from"),
    *("- Of which", "Overload", "With argument", "Rejected"),
)
"""The first words of lines in numba's error messages that describe its passes and overloads."""

try:
    import fcntl
except ImportError:  # Windows has no such locks: two processes may compile the same loop
    fcntl = None  # type: ignore[assignment]

load_extensions()

if hasattr(os, "register_at_fork"):
    # A child that is forked while another thread compiles would wait forever for the lock that this thread holds.
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )

LOCK_ATTEMPTS, LOCK_PAUSE = 200, 0.025
"""The number of attempts to lock a file before a warning, and the seconds between them."""

COLORS = re.compile(r"\x1b\[[0-9;]*m")
"""What numba adds to its messages where colorama is installed."""
RAISED_FROM = re.compile(r" Raised from \S+ \(\d+\)$")
SUMMARY_LINES = 6  # of numba's error message


def clone(
    template: Any,
    name: str,
    filled: dict[str, Any],
    link: Callable[[], dict[str, Any]] = dict,
    options: dict[str, Any] = REORDERED,
) -> Callable[..., Any]:
    """Copy a template under a new name with these globals replaced, to be compiled for each signature of its calls.

    `link` returns further globals, and is called only if something is compiled: the imports that it makes take longer
    than loading a loop from disk.
    """
    copy = types.FunctionType(template.__code__, {**template.__globals__, **filled}, name)
    copy.__qualname__ = f"{template.__name__}_{name}"

    cached_link = cache(link)

    class LoopCompiler(Compiler):
        def __init__(self, *state: Any) -> None:
            copy.__globals__.update(cached_link())
            super().__init__(*state)  # registers with numba what was just imported

        def define_pipelines(self) -> list[Any]:
            if is_stock():
                stock: list[Any] = super().define_pipelines()
                return stock
            from lossreg.kernels.compiler.pipeline import pipelines

            return pipelines(self.state)

    options = {"nogil": True, "no_cfunc_wrapper": True} | options
    function: Any = njit(copy, pipeline_class=LoopCompiler, **options)
    try:
        stored = LoopCache(copy)
    except RuntimeError:
        warn_of_no_cache("numba finds no directory to which it can write compiled code; set NUMBA_CACHE_DIR to one")
        return function
    set_cache(function, stored)
    function.compile = with_lock(function.compile, Path(stored.cache_path, f"{name}.lock"))
    return function


def with_lock(work: Callable[[Any], Any], lock: Path) -> Callable[[Any], Any]:
    """Wrap `work` in a lock between processes, so that the second process loads from disk what the first has compiled.

    Without the lock two processes that save the same function at the same time for different signatures can corrupt
    numba's index permanently: it then refers to the code of the other signature.
    """

    def locked(arguments: Any) -> Any:
        with ExitStack() as stack:
            with suppress(OSError):  # a file system without locks
                file = stack.enter_context(lock.open("a"))
                if fcntl is not None:
                    acquire(file.fileno(), lock)
                    # Closing the file would not unlock it while a child that was forked meanwhile has it open.
                    stack.callback(fcntl.flock, file.fileno(), fcntl.LOCK_UN)
            stack.enter_context(global_compiler_lock)  # so that no process is forked while nothing is collected
            stack.enter_context(garbage_collection_paused())
            return work(arguments)

    return locked


def acquire(file: int, lock: Path) -> None:
    """Lock a file; warn if another process holds the lock for long."""
    for _ in range(LOCK_ATTEMPTS):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(LOCK_PAUSE)
    warnings.warn(
        f"waiting for another process, which is compiling the same loop and holds the lock {lock}",
        RuntimeWarning,
        stacklevel=2,
    )
    return fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def garbage_collection_paused() -> Iterator[None]:
    """Pause garbage collection: traversing the many long-lived objects of a compilation took a tenth of its time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def error_summary(error: Exception) -> str:
    """The lines of numba's error message that help an author: the cause and the source line, without numba's passes.

    The message about a kernel that is called by a function of lossreg is inside the message about that function.
    """
    message = COLORS.sub("", str(error))
    _, failed, inner = message.rpartition("Failed in nopython mode pipeline")
    text = inner.partition("\n")[2].partition("During: ")[0] if failed else message
    lines = [RAISED_FROM.sub("", line).strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(PASS_LINES) and not set(line) <= set("^~>. ")]
    return "\n".join(f"  {line}" for line in kept[:SUMMARY_LINES])
