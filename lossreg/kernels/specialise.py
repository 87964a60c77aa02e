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
from numba import njit, typeof
from numba.core.compiler import CompilerBase

from lossreg.domains import IGNORED
from lossreg.kernels import templates
from lossreg.kernels.options import EXACT, REORDERED
from lossreg.kernels.sources import callees, codes, reached
from lossreg.kernels.templates_abreast import elements_abreast, rows_abreast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numba.core.errors import NumbaError

    from lossreg.form import Form

CHAIN = (
    *("Failed in nopython", "During:", "There are", "raised from"),
    *("- Of which", "Overload", "With argument", "Rejected"),
)
"""How the lines of a compiler's report begin that tell of its passes."""

try:
    import fcntl
except ImportError:  # Windows, where nothing stops a second process
    fcntl = None  # type: ignore[assignment]

TEMPLATES = {
    True: (templates.rows, rows_abreast),
    False: (templates.elementwise, elements_abreast),
}
"""By whether a form takes rows: the loop for one at a time, and for several."""

SHORT = 6  # lines of a compiler's report that are passed on


@cache
def driver(
    form: Form, real: type, switches: tuple[Any, ...], stored: tuple[int, ...], over: int = -1, *, abreast: bool = False
) -> Callable[..., bool]:
    """The compiled loop of a form: for a float type, the parameters that choose a branch, and the slopes to store.

    `over` is the input whose place the only slope takes, row by row; `abreast` says that several rows, or elements, are
    taken at a time.
    """
    single, several = TEMPLATES[form.by_row]
    template = several if abreast else single
    filled = {
        "REAL": real,
        "STORED": len(stored),
        **{name: 1 + at for name, at in zip(("FIRST", "SECOND", "THIRD"), stored, strict=False)},
        "INPUTS": len(form.inputs),
        "OVER": over,
    }
    # numba's entry imports the kernel's module again, so a copy of a plugin under another name has an entry of its own.
    decisive = (
        form.kernel,
        form.kernel.__module__,
        *(entry.domain.contains for entry in form.inputs),
        *(parameter.domain is IGNORED for parameter in form.parameters),
        real.__name__,
        *switches,
        stored,
        over,
    )
    name = f"{form.kernel.__name__}_{real.__name__}_{fingerprint(*decisive)}"
    # The loop itself is exact: the same bits with a gradient and without, in vectors and behind them. What may be
    # reordered is the sum of a block, which is a part of its own, and a kernel's sums over its rows.
    kernel = (form.kernel, REORDERED if form.by_row else EXACT, switches, form)
    return clone(template, name, filled, kernel, EXACT)


@cache
def repeater(function: Callable[..., None]) -> Callable[..., None]:
    """The compiled loop that calls a function for every sample."""
    return clone(templates.each, f"{function.__name__}_{fingerprint(function, function.__module__)}", {}, (function,))


def entry_point(function: Any, arguments: tuple[Any, ...]) -> Callable[..., Any]:
    """The compiled code for arguments like these, called without a search; those under a star are one tuple here."""
    kinds = tuple(map(typeof, arguments))
    if kinds not in function.overloads:
        function.compile(kinds)
    return function.get_overload(kinds)


@cache
def counter() -> Callable[..., float]:
    """The compiled loop that adds up what a mean divides by."""
    return clone(templates.count, f"count_{fingerprint()}", {})


def clone(
    template: Any,
    name: str,
    filled: dict[str, Any],
    kernel: tuple[Any, ...] = (),
    options: dict[str, Any] = REORDERED,
) -> Callable[..., Any]:
    """A copy of a template under a new name, with the given globals filled in, compiled for what it is called with.

    `kernel` is what lossreg.kernels.parts makes the kernel of, when there is something to compile.
    """
    copy = types.FunctionType(template.__code__, {**template.__globals__, **filled}, name)
    copy.__qualname__ = f"{template.__name__}_{name}"

    class Compiler(CompilerBase):
        def define_pipelines(self) -> list[Any]:
            from lossreg.kernels.inner import passes
            from lossreg.kernels.parts import parts

            if kernel and "kernel" not in filled:
                filled.update(parts(*kernel))
                copy.__globals__.update(filled)
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
    digest = hashlib.sha256(room())
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
def room() -> bytes:
    """The source of this room."""
    return b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
