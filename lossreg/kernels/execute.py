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

from lossreg.domains import CLASS_INDEX
from lossreg.kernels.specialise import counter, driver
from lossreg.kernels.threads import get_num_threads, run_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lossreg.definition import Form

    Array = np.ndarray[Any, Any]
    Operand = Array | float | None

BLOCK = 2048
"""Numbers in a block: enough to vectorise, few enough for the first cache and for adding up in float32."""
SLAB = 1 << 15
"""Numbers in a slab that is converted, and for which another thread is worth waking."""


def evaluate(  # noqa: PLR0913  the outputs and weights that nobody asked for stay None
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
    shape too; those of a form by row may be rows.
    """
    function = driver(form, real, switches)
    outputs: tuple[Operand, ...] = (values, *slopes)
    operands = (*outputs, sample_weight, where, *inputs, *parameters)
    labels = [np.int64 if entry.domain is CLASS_INDEX else real for entry in form.inputs]
    kinds = (*(real for _ in outputs), real, np.bool_, *labels, *(real for _ in parameters))
    width = inputs[0].shape[-1] if form.by_row else 1
    length = max(1, BLOCK // width) if form.by_row else BLOCK
    rank, total, outside = len(shape), 0.0, False
    moving = len(operands) - (len(parameters) if form.by_row else 0)
    if all(fits(operand, kind) for operand, kind in zip(operands, kinds, strict=True)):
        flat = [*(flatten(operand, rank) for operand in operands[:moving]), *operands[moving:]]
        return run(function, prod(shape), length, width, scale, len(slopes), flat)
    for slab in slabs(shape, max(1, SLAB // width)):
        parts = [part(operand, slab) for operand in operands[:moving]]
        size = prod(next(p.shape[:rank] for p in parts[len(outputs) :] if isinstance(p, np.ndarray)))
        whole = [
            flatten(np.empty(p.shape, kind) if at < len(outputs) else np.ascontiguousarray(p, kind), rank)
            if isinstance(p, np.ndarray)
            else p
            for at, (p, kind) in enumerate(zip(parts, kinds, strict=False))
        ]
        added, beyond = run(function, size, length, width, scale, len(slopes), [*whole, *operands[moving:]])
        total, outside = total + added, outside | beyond
        for target, result in zip(parts[: len(outputs)], whole, strict=False):
            if isinstance(target, np.ndarray):
                target[...] = result.reshape(target.shape)
    return total, outside


def run(
    function: Callable[..., bool],
    size: int,
    length: int,
    width: int,
    scale: float,
    gradients: int,
    operands: list[Any],
) -> tuple[float, bool]:
    """Run a driver over flat operands in blocks, in as many threads as there is work for."""
    values, *slopes = operands[: 1 + gradients]
    weights = operands[1 + gradients : 3 + gradients]
    rest = operands[3 + gradients :]
    blocks = -(-size // length)
    sums = np.empty(blocks)
    threads = max(1, min(get_num_threads(), blocks, size * width // SLAB))
    bounds = [blocks * at // threads for at in range(threads + 1)]
    calls = [
        (sums, values, *weights, scale, size, length, first, last, *slopes, *rest) for first, last in pairwise(bounds)
    ]
    outside = any(run_together(function, calls)) if threads > 1 else function(*calls[0])
    return float(sums.sum()), outside


def count(shape: tuple[int, ...], labels: Any, ignored: int, weight: Any, sample_weight: Any, where: Any) -> float:
    """What a mean over `shape` divides by: all it has, less what is masked, ignored or of weight 0."""
    if sample_weight is None and where is None and labels is None and weight is None:
        return float(prod(shape))
    kinds = ((sample_weight, np.float64), (where, np.bool_), (labels, np.int64))
    by_class = weight is not None and labels is not None
    total = 0.0
    for slab in slabs(shape, SLAB):
        chunks = [None if a is None else np.ascontiguousarray(a[slab], kind).reshape(-1) for a, kind in kinds]
        shares = weight if by_class or weight is None else np.ascontiguousarray(weight[slab]).reshape(-1)
        size = next(chunk.size for chunk in (*chunks, shares) if chunk is not None)
        total += counter()(*chunks, ignored, shares, size)
    return total


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


def part(operand: Operand, slab: tuple[slice, ...]) -> Operand:
    """The part of an array, or a number as it is."""
    return operand[slab] if isinstance(operand, np.ndarray) else operand


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
