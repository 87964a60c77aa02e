"""Template + kernel + flags -> a compiled driver that is found again on disk.

numba's cache goes by the source file and the closure of the function it compiles, and sees neither its globals nor what
it calls. So a driver is a template cloned with new globals, under a name that carries a fingerprint of all that decides
its code: the kernel with every function it calls, this room's source, and the flags. An edit changes the name; a second
process finds the driver on disk and compiles nothing.
"""

from __future__ import annotations

import gc
import hashlib
import types
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

from lossreg.kernels.compiler.bytecode import callees, codes, reached
from lossreg.kernels.compiler.extensions import load_extensions
from lossreg.kernels.compiler.numba_api import CompilerBase
from lossreg.kernels.compiler.options import REORDERED

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

KERNELS = Path(__file__).parents[1]

load_extensions()

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

    class Compiler(CompilerBase):
        def define_pipelines(self) -> list[Any]:
            from lossreg.kernels.compiler.pipeline import passes

            copy.__globals__.update(cached_link())
            # numba takes note of what is defined before it compiles, and this may just have been imported.
            self.state.typingctx.refresh()
            self.state.targetctx.refresh()
            return passes(self.state)

    function: Any = njit(copy, nogil=True, no_cfunc_wrapper=True, pipeline_class=Compiler, **options)
    try:
        function.enable_caching()
    except RuntimeError:
        warn_of_no_cache()
        return function
    function.compile = alone(function.compile, Path(function.stats.cache_path, f"{name}.lock"))
    return function


@cache  # once: Python forgets what it has shown whenever somebody changes what is shown
def warn_of_no_cache() -> None:
    """Warn that numba found no directory to keep compiled code in."""
    told = "numba can write compiled code to no directory, so every process compiles anew; name one in NUMBA_CACHE_DIR"
    warnings.warn(told, RuntimeWarning, stacklevel=3)


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
                    fcntl.flock(file, fcntl.LOCK_EX)
            stack.enter_context(uncollected())
            return work(arguments)

    return locked


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


def fingerprint(*decisive: Any) -> str:
    """A hash of this room's source and of what is given: functions (with what they reach) and plain values."""
    digest = hashlib.sha256(package_source())
    for entry in decisive:
        functions = [entry, *callees(entry)] if isinstance(entry, types.FunctionType) else []
        for function in functions:
            for code in codes(function.__code__):
                constants = [constant for constant in code.co_consts if not isinstance(constant, types.CodeType)]
                digest.update(repr((code.co_code, constants, code.co_names, code.co_varnames)).encode())
            defaults = dict(enumerate(function.__defaults__ or ()))
            for values in (reached(function), defaults, function.__kwdefaults__ or {}):
                plain = {str(name): told for name, x in values.items() if (told := as_bytes(x)) is not None}
                digest.update(repr(sorted(plain.items())).encode())
        if not functions:
            digest.update(repr(entry).encode())
    return digest.hexdigest()[:16]


def as_bytes(value: Any) -> bytes | None:
    """A plain value as a fingerprint takes it; None for what is none, such as a function."""
    if isinstance(value, np.ndarray):
        return repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    return repr(value).encode() if isinstance(value, bool | int | float | str | tuple | np.generic) else None


@cache
def package_source() -> bytes:
    """The source of `lossreg.kernels`, sub-packages included."""
    return b"".join(path.read_bytes() for path in sorted(KERNELS.rglob("*.py")))
