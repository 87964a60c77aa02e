"""Template + kernel + flags -> a compiled driver that is found again on disk.

A driver is a template cloned with new globals, under a name that carries a fingerprint of all that decides its code:
the kernel with every function it calls, the source of this package, and the flags. An edit changes the name; a second
process finds the driver on disk and compiles nothing.
"""

from __future__ import annotations

import gc
import types
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any

from numba import njit

from lossreg.kernels.compiler.cache import LoopCache, warn_of_no_cache
from lossreg.kernels.compiler.extensions import load_extensions
from lossreg.kernels.compiler.numba_api import Compiler, set_cache
from lossreg.kernels.compiler.options import REORDERED, is_stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.kernels.compiler.numba_api import NumbaError


CHAIN = (
    *("Failed in nopython", "During:", "There are", "raised from"),
    *("- Of which", "Overload", "With argument", "Rejected"),
)
"""How the lines of a compiler's report begin that tell of its passes."""

try:
    import fcntl
except ImportError:  # Windows, where nothing stops a second process
    fcntl = None  # type: ignore[assignment]

load_extensions()

PATIENCE, PAUSE = 200, 0.025
"""How often a lock is asked for before a process says that it waits, and seconds between."""

SHORT = 6  # lines of a compiler's report that are passed on


def clone(
    template: Any,
    name: str,
    filled: dict[str, Any],
    link: Callable[[], dict[str, Any]] = dict,
    options: dict[str, Any] = REORDERED,
) -> Callable[..., Any]:
    """A copy of a template under a new name, with the given globals filled in, compiled for what it is called with.

    `link` returns what else is filled in, when there is something to compile: importing it takes longer than finding a
    loop on disk.
    """
    copy = types.FunctionType(template.__code__, {**template.__globals__, **filled}, name)
    copy.__qualname__ = f"{template.__name__}_{name}"

    cached_link = cache(link)

    class LoopCompiler(Compiler):
        def __init__(self, *state: Any) -> None:
            copy.__globals__.update(cached_link())
            super().__init__(*state)  # it makes what was just imported known to numba

        def define_pipelines(self) -> list[Any]:
            if is_stock():
                pipelines: list[Any] = super().define_pipelines()
                return pipelines
            from lossreg.kernels.compiler.pipeline import passes

            return passes(self.state)

    function: Any = njit(copy, nogil=True, no_cfunc_wrapper=True, pipeline_class=LoopCompiler, **options)
    try:
        stored = LoopCache(copy)
    except RuntimeError:
        warn_of_no_cache("numba can write compiled code to no directory; name one in NUMBA_CACHE_DIR")
        return function
    set_cache(function, stored)
    function.compile = alone(function.compile, Path(stored.cache_path, f"{name}.lock"))
    return function


def alone(work: Callable[[Any], Any], lock: Path) -> Callable[[Any], Any]:
    """The same work, which no two processes do at once: who comes second finds on disk what the first has compiled.

    Left to itself, numba can also mix up what two processes save of one function at once, for arguments of different
    types: then its index has the one's name for the other's code, for good.
    """

    def locked(arguments: Any) -> Any:
        with ExitStack() as stack:
            with suppress(OSError):  # a file system without locks
                file = stack.enter_context(lock.open("a"))
                if fcntl is not None:
                    acquire(file.fileno(), lock)
            stack.enter_context(uncollected())
            return work(arguments)

    return locked


def acquire(file: int, lock: Path) -> None:
    """Lock a file; say so where another process holds the lock for long."""
    for _ in range(PATIENCE):
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sleep(PAUSE)
    warnings.warn(
        f"still waiting for another process, which compiles this loop and holds {lock}", RuntimeWarning, stacklevel=2
    )
    return fcntl.flock(file, fcntl.LOCK_EX)


@contextmanager
def uncollected() -> Iterator[None]:
    """Collect no garbage: a compiler makes many objects that last; looking through them took a tenth of its time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def in_short(error: NumbaError) -> str:
    """What of a compiler's report an author can use: the cause and the line, without the chain of passes."""
    lines = [line.strip() for line in str(error).splitlines()]
    kept = [line for line in lines if line and not line.startswith(CHAIN) and not set(line) <= set("^~>. ")]
    return "\n".join(f"  {line}" for line in kept[:SHORT])
