"""The implementation of `each`: a function that a batch kernel calls for every sample, as a compiled loop."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import typeof, types
from numpy import ndarray

from lossreg.definition.plain_python import compiled_arithmetic as arithmetic
from lossreg.definition.plain_python.trial_run import is_authors, try_sample_function
from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.numba_api import COMPILE_ERRORS
from lossreg.kernels.compiler.options import REORDERED
from lossreg.kernels.compiler.specialize import error_summary, garbage_collection_paused
from lossreg.kernels.drivers.compiled_loops import KEPT, sample_loop
from lossreg.kernels.drivers.scratch import Scratch
from lossreg.kernels.drivers.threads import WORK, get_num_threads, run_in_threads, split_evenly, useful_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

COST = 8
"""The work of one number of a sample, in elements of an elementwise kernel; measured with ctc."""
LARGE = 2 * WORK // COST
"""The numbers of the largest operand from which a second thread is useful."""

_in_plain_python: ContextVar[bool] = ContextVar("in_plain_python", default=False)
_typed: set[Callable[..., None]] = set()
"""The authors' functions whose types were found."""
_loops: dict[Callable[..., None], Callable[..., None]] = {}
"""The compiled loops of the functions that have passed, which a small call runs at once."""


@contextmanager
def each_in_plain_python() -> Iterator[None]:
    """Run the functions that batch kernels give to `each` in plain Python, which needs no compilation."""
    token = _in_plain_python.set(True)
    try:
        yield
    finally:
        _in_plain_python.reset(token)


def run_each(function: Callable[..., None], count: int, operands: tuple[Any, ...]) -> None:
    """Compile the function, and call it for every number below `count`, in as many threads as are useful."""
    try:
        loop = _loops.get(function)
        if loop is None or count.__class__ is not int or _in_plain_python.get():
            run_checked(function, count, operands)
            return
        large, plain = False, True
        for x in operands:
            if isinstance(x, ndarray):
                large = large or x.size >= LARGE
                plain = plain and x.flags.writeable
            elif x.__class__ is Scratch:
                plain = False
        if large and get_num_threads() > 1:
            run_checked(function, count, operands)
        elif plain:
            loop(0, count, *operands)
        else:
            # Without a call for each operand, which would take two microseconds.
            loop(
                0,
                count,
                *[
                    np.empty(x.shape)
                    if x.__class__ is Scratch
                    else as_writable(x)
                    if isinstance(x, ndarray) and not x.flags.writeable
                    else x
                    for x in operands
                ],
            )
    except COMPILE_ERRORS as error:
        raise InvalidDefinition(f"{function.__name__}: it does not compile:\n{error_summary(error)}") from error


def run_checked(function: Callable[..., None], count: int, operands: tuple[Any, ...]) -> None:
    """Run `each` for any operands: try a function that has not passed yet in plain Python, then compile it."""
    if not isinstance(count, int | np.integer):
        raise InvalidDefinition(f"{function.__name__}: expected an integer as the count of samples; got {count!r}")
    passed = try_sample_function(function, count, map(allocate_scratch, operands))
    size = max((operand.size for operand in operands if isinstance(operand, np.ndarray)), default=0)
    arguments = [as_writable(operand) for operand in operands]
    if _in_plain_python.get():
        run_in_plain_python(function, count, [*map(allocate_scratch, arguments)])
        return
    loop = sample_loop(function)
    ranges = split_evenly(count, useful_threads(COST * size))
    run_in_threads(loop, [(first, last, *map(allocate_scratch, arguments)) for first, last in ranges])
    if passed:
        if len(_loops) >= KEPT:
            _loops.clear()
        _loops[function] = loop


def run_in_plain_python(function: Callable[..., None], count: int, arguments: Sequence[Any]) -> None:
    """Call a function for every number below `count`; find the types of an author's function, without machine code."""
    if function not in _typed and is_authors(function):
        from lossreg.kernels.loops.linking import compiled  # not needed for a loop that is loaded from disk

        dispatcher: Any = compiled(function, REORDERED)
        with garbage_collection_paused():
            dispatcher.compile((types.int64, *map(typeof, arguments)))
        _typed.add(function)
    with arithmetic.errors_ignored():
        for i in range(count):
            arithmetic.compiled_like(function)(i, *arguments)


def allocate_scratch(operand: Any) -> Any:
    """Allocate the array of a Scratch operand for one thread; return any other operand as it is."""
    return np.empty(operand.shape) if isinstance(operand, Scratch) else operand


def as_writable(operand: Any) -> Any:
    """View a read-only array as writable: numba's array types include that flag, and would compile a second loop."""
    read_only = isinstance(operand, np.ndarray) and not operand.flags.writeable
    return np.asarray(WritableView(operand)) if read_only else operand


class WritableView:
    """The array interface of a read-only array without its read-only flag, for functions that only read the array."""

    def __init__(self, array: Any) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
