"""The implementation of `each`: a function that a batch kernel calls for every sample, as a compiled loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.plain_python.trial_run import try_sample_function
from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.numba_api import COMPILE_ERRORS
from lossreg.kernels.compiler.specialize import error_summary
from lossreg.kernels.drivers.compiled_loops import sample_loop
from lossreg.kernels.drivers.scratch import Scratch
from lossreg.kernels.drivers.threads import run_in_threads, split_evenly, useful_threads

if TYPE_CHECKING:
    from collections.abc import Callable

COST = 8
"""The work of one number of a sample, in elements of an elementwise kernel; measured with ctc."""


def run_each(function: Callable[..., None], count: int, operands: tuple[Any, ...]) -> None:
    """Compile the function, and call it for every number below `count`, in as many threads as are useful."""
    if not isinstance(count, int | np.integer):
        raise InvalidDefinition(f"{function.__name__}: expected an integer as the count of samples; got {count!r}")
    try_sample_function(function, count, [allocate_scratch(operand) for operand in operands])
    size = max((operand.size for operand in operands if isinstance(operand, np.ndarray)), default=0)
    arguments = [as_writable(operand) for operand in operands]
    try:
        loop = sample_loop(function)
        ranges = split_evenly(count, useful_threads(COST * size))
        run_in_threads(loop, [(first, last, *map(allocate_scratch, arguments)) for first, last in ranges])
    except COMPILE_ERRORS as error:
        raise InvalidDefinition(f"{function.__name__}: it does not compile:\n{error_summary(error)}") from error


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
