"""BLAS, the library with which numpy multiplies matrices: which one it is, and how many threads it uses.

The last bits of a product depend on the library, on the processor, for which it chooses its instructions, and on its
number of threads, since each adds up a part. So a run sets the number that its config has, whatever the environment
says and however many runs share the machine. One thread is the default: for 64 rows of 784 numbers and a layer of 128,
a step takes as long with 2 threads as with 1; with 512 rows it takes 1.5 times as long with 1 thread, and with 512 rows
of 1024 and a layer of 1024, 1.9 times. On a machine that is busy otherwise, 2 threads took 2 to 10 times as long as 1,
as those of OpenBLAS wait for each other without sleeping.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from lossreg.errors import InvalidParameter
from lossreg.extras import optional_imports

if TYPE_CHECKING:
    from collections.abc import Iterator


class _Setting:
    """The number of threads that blocks in this process have set, and how many blocks are active."""

    lock = Lock()
    active = 0
    threads = 0
    limits = ExitStack()


@contextmanager
def blas_threads(number: int) -> Iterator[None]:
    """Let BLAS use `number` threads inside the block.

    The setting belongs to the process, so that several blocks may be active at once only with the same number, as those
    of nested blocks or of runs in several threads; raises InvalidParameter for another one.
    """
    with optional_imports():
        from threadpoolctl import threadpool_limits

    with _Setting.lock:
        if _Setting.active and _Setting.threads != number:
            raise InvalidParameter(
                f"train.threads: expected {_Setting.threads}, as another run in this process has, got {number}"
            )
        _Setting.threads = number
        _Setting.active += 1
        # Again in each block, for a library that was loaded since.
        _Setting.limits.enter_context(threadpool_limits(number, user_api="blas"))
    try:
        yield
    finally:
        with _Setting.lock:
            _Setting.active -= 1
            if not _Setting.active:
                _Setting.limits.close()


def blas_libraries() -> list[str]:
    """The BLAS library of numpy, with its version and the architecture that it has chosen for this processor.

    If none of those in this process comes with numpy itself, all are returned.
    """
    with optional_imports():
        from threadpoolctl import threadpool_info

    libraries = [each for each in threadpool_info() if each["user_api"] == "blas"]
    of_numpy = [each for each in libraries if "numpy" in Path(each["filepath"]).parent.name]
    facts = ([each.get(key) for key in ("internal_api", "version", "architecture")] for each in of_numpy or libraries)
    return sorted({" ".join(filter(None, each)) for each in facts})
