"""A function that a batch kernel calls for every sample, as a compiled loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.numba_api import NumbaError
from lossreg.kernels.compiler.specialize import in_short
from lossreg.kernels.drivers.batch_kernel import Scratch
from lossreg.kernels.drivers.compiled_loops import sample_loop
from lossreg.kernels.drivers.threads import run_together, shares, threads_for

if TYPE_CHECKING:
    from collections.abc import Callable

SAMPLE = 8
"""How many elements' work a number of a sample is, measured by the paths of connectionist temporal classification."""


def run_each(function: Callable[..., None], count: int, operands: tuple[Any, ...]) -> None:
    """Call the function for every number below `count`, compiled, in as many threads as there is work for."""
    loop = sample_loop(function)
    size = max((operand.size for operand in operands if isinstance(operand, np.ndarray)), default=0)
    unlocked = [writable(operand) for operand in operands]
    try:
        parts = shares(count, threads_for(SAMPLE * size))
        run_together(loop, [(first, last, *map(thread_own, unlocked)) for first, last in parts])
    except NumbaError as error:
        raise InvalidDefinition(f"{function.__name__}: it does not compile:\n{in_short(error)}") from error


def thread_own(operand: Any) -> Any:
    """An operand as one thread has it: with scratch of its own."""
    return np.empty(operand.shape) if isinstance(operand, Scratch) else operand


def writable(operand: Any) -> Any:
    """An operand that may be written to, which is part of numba's types."""
    locked = isinstance(operand, np.ndarray) and not operand.flags.writeable
    return np.asarray(Unlocked(operand)) if locked else operand


class Unlocked:
    """A read-only array as numpy's protocol shows it, but not read-only; the function only reads it."""

    def __init__(self, array: Any) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
