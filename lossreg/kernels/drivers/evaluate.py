"""Run a form's compiled driver over arrays: whole where they are as the driver takes them, in slabs where not.

Arrays in the driver's types, C-contiguous, are read and written in place, in fixed blocks spread over threads. Others
(float16, another byte order, strided, integers for numbers, a class axis that is not last) are converted a slab at a
time, so that no more memory is taken than a few slabs'.
"""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidDefinition
from lossreg.kernels.compiler.bytecode import laborious
from lossreg.kernels.compiler.numba_api import NumbaError
from lossreg.kernels.compiler.options import BLOCK, LANES
from lossreg.kernels.compiler.specialize import in_short
from lossreg.kernels.drivers.compiled_loops import driver, repeater
from lossreg.kernels.drivers.each import Scratch
from lossreg.kernels.drivers.threads import get_num_threads, run_together
from lossreg.kernels.loops.vector import takes_lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lossreg.definition.signature import Form

    Array = np.ndarray[Any, Any]
    Operand = Array | float | None

NARROW = 32
"""Numbers in a row up to which rows in lines are turned to stand side by side: cross_entropy of 10 takes a quarter of
the time so, of 32 three quarters in float32 and as long in float64."""
SLAB = 1 << 15
"""Numbers in a slab that is converted."""
WORK = 1 << 19
"""Numbers for which another thread is worth waking, which takes up to 200 microseconds: for huber of half a million two
take 1.3 times as long as one, for a million three quarters. Those of a laborious kernel count twice."""


def evaluate(
    form: Form,
    real: type,
    switches: tuple[Any, ...],
    shape: tuple[int, ...],
    inputs: list[Array],
    parameters: list[Operand],
    *,
    scale: float,
    sample_weight: Array | None,
    where: Array | None,
    values: Array | None,
    slopes: tuple[Array | None, ...],
) -> tuple[float, bool]:
    """Fill `values`, and `slopes` times `scale`; give the sum of the values, and whether an input is out of its domain.

    Arrays have the loss's own `shape`, rows one more axis at the end. An elementwise form's parameters may have that
    shape too; those of a form by row may be rows. `slopes` has an array, or None, for each slope of the form.
    """
    outputs: tuple[Operand, ...] = (values, *slopes)
    moving = (*outputs, sample_weight, where, *inputs, *(() if form.by_row else parameters))
    fixed = parameters if form.by_row else []
    labels = [np.int64 if entry.domain.integer else real for entry in form.inputs]
    kinds = [*(real for _ in outputs), real, np.bool_, *labels, *(real for _ in parameters)][: len(moving)]
    rank = len(shape)
    over = [at for at, x in enumerate(inputs) if any(y is not None and np.may_share_memory(x, y) for y in slopes)]
    # Several slopes that go over inputs have to wait for one another.
    waiting = over and any(slope is not None for slope in slopes[1:])
    whole = None if waiting else as_they_are(moving, kinds, rank)
    width, place = inputs[0].shape[-1] if form.by_row else 1, over[0] if over and whole else -1
    fitting = form.by_row and rank > 1 and width <= BLOCK // LANES and takes_lanes(form.kernel)
    planes = across_planes(moving, kinds, rank) if fitting and whole is None else None
    drive = Drive(form, real, switches, width, scale, slopes, place, across=planes is not None)
    flat = whole or planes
    if flat:
        return drive.run(prod(shape), flat, fixed, prod(shape[1:]) if planes else 0)

    def run(*some: Any) -> list[tuple[float, bool]]:
        return [drive.run_slab(slab, moving, kinds, rank, fixed) for slab in some]

    pieces = list(slabs(shape, max(1, SLAB // width)))
    work = prod(shape) * effort(form, width) // WORK
    parts = [tuple(pieces[first:last]) for first, last in parted(len(pieces), work)]
    found = [one for part in run_together(run, parts) for one in part]
    return sum(added for added, _ in found), any(outside for _, outside in found)


def as_they_are(operands: Sequence[Operand], kinds: Sequence[Any], rank: int) -> list[Any] | None:
    """The operands flat, if the driver takes them all as they are."""
    fitting = all(fits(operand, kind) for operand, kind in zip(operands, kinds, strict=True))
    return [flatten(operand, rank) for operand in operands] if fitting else None


def across_planes(operands: Sequence[Operand], kinds: Sequence[Any], rank: int) -> list[Any] | None:
    """The operands flat, and those by row as arrays (N, C, S), if they all are such."""
    turned = [
        np.moveaxis(operand, -1, 1) if isinstance(operand, np.ndarray) and operand.ndim > rank else operand
        for operand in operands
    ]
    if not all(fits(operand, kind) for operand, kind in zip(turned, kinds, strict=True)):
        return None
    return [
        flatten(x.reshape(*x.shape[:2], -1), 1) if isinstance(x, np.ndarray) and x is not operand else flatten(x, rank)
        for x, operand in zip(turned, operands, strict=True)
    ]


class Drive:
    """A form's driver, and what it is called with whatever the arrays."""

    def __init__(
        self,
        form: Form,
        real: type,
        switches: tuple[Any, ...],
        width: int,
        scale: float,
        slopes: tuple[Array | None, ...],
        over: int = -1,
        *,
        across: bool = False,
    ) -> None:
        self.name, self.real, self.width, self.effort = form.kernel.__name__, real, width, effort(form, width)
        wanted = tuple(at for at, slope in enumerate(slopes) if slope is not None)
        # A kernel by row fills all its slopes but the optional ones; those that nobody asked for are scratch.
        self.slots = tuple(range(len(slopes))) if form.by_row else wanted
        # So is one that goes over an input, which may still be read, unless rows are copied to stand side by side.
        narrow = 0 < width <= NARROW and takes_lanes(form.kernel) and laborious(form.kernel)
        self.abreast = across or narrow
        over = -1 if self.abreast else over
        self.scratch = [False] * len(slopes)
        for at, row in enumerate(form.slope_rows):
            self.scratch[at] = slopes[at] is not None if over >= 0 else not (wanted or row in form.optional_rows)
        self.scale = scale if wanted else 1.0
        self.length = max(1, BLOCK // width) if form.by_row else BLOCK
        self.length -= self.length % LANES if self.abreast else 0
        self.gradients = len(slopes)
        self.function = driver(form, real, switches, self.slots, over, abreast=self.abreast)

    def run(self, size: int, operands: list[Any], fixed: list[Any], span: int = 0) -> tuple[float, bool]:
        """Call the driver on flat operands in blocks, in as many threads as there is work for.

        Where rows lie across planes, `span` is how many there are in one.
        """
        values, *slopes = operands[: 1 + self.gradients]
        sample_weight, where, *rest = operands[1 + self.gradients :]
        blocks = size // span * -(-span // self.length) if span else -(-size // self.length)
        sums = np.empty(blocks)
        calls = []
        for first, last in parted(blocks, size * self.effort // WORK):
            numbers = (self.scale, span or size, self.length, first, last)
            calls.append((sums, values, sample_weight, where, *numbers, *self.places(slopes), *rest, *fixed))
        try:
            outside = any(run_together(self.function, calls))
        except NumbaError as error:
            raise InvalidDefinition(f"{self.name}: the kernel does not compile:\n{in_short(error)}") from error
        return float(sums.sum()), outside

    def run_slab(
        self, slab: tuple[slice, ...], operands: Sequence[Operand], kinds: Sequence[Any], rank: int, fixed: list[Any]
    ) -> tuple[float, bool]:
        """Convert a slab of the operands, call the driver, and bring back what it filled."""
        filled = 1 + self.gradients
        index: Any = (*slab, ...)
        parts: list[Any] = [operand[index] if isinstance(operand, np.ndarray) else operand for operand in operands]
        made = [
            np.empty(p.shape, kind) if isinstance(p, np.ndarray) else p
            for p, kind in zip(parts[:filled], kinds, strict=False)
        ]
        read = [
            np.asarray(p, kind, order="C") if isinstance(p, np.ndarray) else p
            for p, kind in zip(parts[filled:], kinds[filled:], strict=True)
        ]
        size = prod(parts[filled + len(("sample_weight", "where"))].shape[:rank])
        found = self.run(size, [flatten(operand, rank) for operand in (*made, *read)], fixed)
        for part, result in zip(parts, made, strict=False):
            if isinstance(part, np.ndarray):
                part[...] = result
        return found

    def places(self, slopes: list[Any]) -> list[Any]:
        """The slopes as one thread has them: with scratch of its own."""
        return [np.empty((1, self.width), self.real) if self.scratch[at] else slopes[at] for at in self.slots]


def run_each(function: Callable[..., None], count: int, operands: tuple[Any, ...]) -> None:
    """Call the function for every number below `count`, compiled, in as many threads as there is work for."""
    loop = repeater(function)
    size = max((operand.size for operand in operands if isinstance(operand, np.ndarray)), default=0)
    unlocked = [flatten(operand, 1) for operand in operands]
    try:
        # A sample's numbers are more work each than an element: by paths, 8 times as much.
        parts = parted(count, 8 * size // WORK)
        run_together(loop, [(first, last, *map(thread_own, unlocked)) for first, last in parts])
    except NumbaError as error:
        raise InvalidDefinition(f"{function.__name__}: it does not compile:\n{in_short(error)}") from error


def thread_own(operand: Any) -> Any:
    """An operand as one thread has it."""
    return np.empty(operand.shape) if isinstance(operand, Scratch) else operand


def effort(form: Form, width: int) -> int:
    """How many numbers' work an element, or a row, is."""
    return 2 * width if laborious(form.kernel) else width


def parted(count: int, work: int) -> Iterator[tuple[int, int]]:
    """What each thread does of so many pieces, from the first to the last: one thread for each unit of work."""
    threads = max(1, min(get_num_threads(), count, work))
    return pairwise(count * at // threads for at in range(threads + 1))


def fits(operand: Operand, kind: Any) -> bool:
    """Whether the driver takes an operand as it is."""
    if not isinstance(operand, np.ndarray):
        return True
    return operand.dtype == kind and operand.flags.c_contiguous and operand.flags.aligned


def flatten(operand: Any, rank: int) -> Any:
    """An array with its first `rank` axes as one, and free to be written to, which is part of numba's types."""
    if not isinstance(operand, np.ndarray):
        return operand
    if rank != 1:
        operand = operand.reshape(-1, *operand.shape[rank:])
    return operand if operand.flags.writeable else np.asarray(Unlocked(operand))


class Unlocked:
    """A read-only array as numpy's protocol shows it, but not read-only. For inputs: no template writes to one."""

    def __init__(self, array: Array) -> None:
        self.array = array
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}


def slabs(shape: tuple[int, ...], limit: int) -> Iterator[tuple[slice, ...]]:
    """Indices that cover `shape` in order, each of at most `limit` elements."""
    rest = prod(shape[1:])
    if prod(shape) <= limit:
        yield (slice(None),) * len(shape)
    elif rest <= limit:
        step = limit // rest
        for start in range(0, shape[0], step):
            yield (slice(start, start + step),)
    else:
        for start in range(shape[0]):
            for inner in slabs(shape[1:], limit):
                yield (slice(start, start + 1), *inner)
