"""The sum of the weights of a call: sample weights, mask, labels to ignore, and weights by class or by element."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.compiler.borrowed_arrays import Extent
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.numba_api import machine_code
from lossreg.kernels.compiler.options import BLOCK, LOCK_BY_EXTENT, REORDERED
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.drivers.compiled_loops import entry_point, numba_type
from lossreg.kernels.drivers.operands import Operand, weight_type
from lossreg.kernels.drivers.slabs import SLAB, slabs
from lossreg.kernels.numerics.sums import compensated_add, compensated_sum

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.kernels.elementary.float_formats import magnitude_bits  # noqa: TC004  replaced in the clone

    Array = np.ndarray[Any, Any]

ORDINARY = {"float32": (2.0**-100, 2.0**-40, 2.0**40), "float64": (2.0**-900, 2.0**-400, 2.0**400)}
"""By float type: the smallest weight, the lower bound of the largest weight, and the largest weight.

Within these limits the product of a weight and a value neither overflows nor loses digits unless the value does.
"""
SINGLE = 4
"""The bytes of a float32."""
PART, SINGLE_PART = 64, 1024
"""How many weights are added without compensation, and how many in float32, which have 29 bits less: so few that equal
ones add up exactly, and others nearly so."""


def add_weights(  # noqa: PLR0912  a branch for each kind of weight
    sample_weight: Any, where: Any, labels: Any, weight: Any, limits: Any, extent: Any
) -> Any:
    """Add the weights of the elements or rows that are not masked or ignored, in blocks, and check their magnitudes.

    `weight` is by class if there are labels; a label out of range has weight 0 here. The second result is whether all
    sample weights that are not masked are within the limits, so that no product with one overflows. `extent` is the
    label to ignore, the number of elements or rows, that of those in a block, and whether to release Python's lock.
    """
    smallest, large_enough, largest = limits[0], limits[1], limits[2]
    ignored, size, length = extent[0], extent[1], extent[2]
    added, lost = 0.0, 0.0
    together = length if sample_weight is None and weight is None else PART  # whole numbers add up exactly
    if sample_weight is not None and weight is None:
        together = SINGLE_PART if sample_weight.itemsize == SINGLE else PART
    extreme, large, nonzero = False, False, False
    for start in range(0, size, length):
        stop = start + length if start + length < size else size
        for first in range(start, stop, together):
            last = first + together if first + together < stop else stop
            # Slices first: loops that count from 0 vectorize.
            if sample_weight is not None:
                part_weights = sample_weight[first:last]
            if where is not None:
                part_mask = where[first:last]
            if labels is not None:
                part_labels = labels[first:last]
            elif weight is not None:
                part_factors = weight[first:last]
            part = 0.0
            for i in range(last - first):
                factor = 1.0
                if sample_weight is not None:
                    factor = part_weights[i]
                if where is not None:
                    factor = factor if part_mask[i] else 0.0
                if labels is not None:
                    label = part_labels[i]
                    factor = 0.0 if label == ignored else factor
                    if weight is not None:
                        factor *= weight[label] if (label >= 0) & (label < weight.size) else 0.0
                elif weight is not None:
                    factor *= part_factors[i]
                part += factor
            added, lost = compensated_add(added, lost, part)
        if sample_weight is not None:
            block_weights = sample_weight[start:stop]
        if where is not None:
            block_mask = where[start:stop]
        if sample_weight is not None:
            T = type(block_weights[0])
            none, infinite = magnitude_bits(T(0)), magnitude_bits(T(np.inf))
            least, most = infinite, none
            for i in range(stop - start):
                pattern = magnitude_bits(block_weights[i])
                if where is not None:
                    pattern = pattern if block_mask[i] else none
                most = max(most, pattern)
                least = min(least, infinite if pattern == none else pattern)
            nonzero |= most > none
            large |= most >= magnitude_bits(T(large_enough))
            extreme |= (most >= infinite) | (most > magnitude_bits(T(largest))) | (least < magnitude_bits(T(smallest)))
    return compensated_sum(added, lost), (not extreme) & (large | (not nonzero))


@cache
def compiled() -> Callable[..., Any]:
    """The compiled loop."""
    name = f"add_weights_{fingerprint()}"
    return clone(add_weights, name, {}, compensation, options=REORDERED | LOCK_BY_EXTENT)


def compensation() -> dict[str, Any]:
    """What the loop calls, compiled: its own additions may be reordered, these may not."""
    from lossreg.kernels.elementary import float_formats, row_sums

    found = {name: getattr(row_sums, name) for name in ("compensated_add", "compensated_sum")}
    return found | {"magnitude_bits": float_formats.magnitude_bits}


@cache
def entry(sample_weight: Any, where: Any, labels: Any, weight: Any) -> Callable[..., Any]:
    """The compiled code of the loop for these kinds of arrays; None is the kind of an absent one."""
    return entry_point(compiled(), argument_types(sample_weight, where, labels, weight), "add_weights")


def argument_types(sample_weight: Any, where: Any, labels: Any, weight: Any) -> tuple[Any, ...]:
    """The numba types of all arguments of the loop."""
    return *map(numba_type, (sample_weight, where, labels, weight, (np.float64, 1))), Extent()


class WeightSum:
    """The sum of the weights for calls whose arrays have the dtypes, shapes and layouts of those given here.

    The arrays have the loss's own shape, or that of its first axes.

    sample_weight, where, labels: example arrays, or None.
    weight: weights by class if there are labels, otherwise an array of the loss's own shape; None for a weight of 1.
    """

    def __init__(
        self,
        real: type,
        shape: tuple[int, ...],
        sample_weight: Array | None,
        where: Array | None,
        labels: Array | None,
        ignored: int,
        weight: Array | None,
    ) -> None:
        dtype = None if sample_weight is None else weight_type(sample_weight)
        by_element = None if labels is not None else weight
        given = ((sample_weight, dtype), (where, np.bool_), (labels, np.int64), (by_element, np.float64))
        self.operands: list[Any] = [
            None if x is None else Operand(x, dtype, shape, rank=len(shape)) for x, dtype in given
        ]
        self.by_element, self.weight = by_element, weight
        self.shape, self.ignored, self.limits = shape, ignored, np.array(ORDINARY[real.__name__])
        # Like a slab, a block consists of complete elements of the first axis.
        self.size, rest = prod(shape), prod(shape[1:])
        self.block = max(1, SLAB // rest) * rest if 0 < rest <= SLAB else SLAB
        self.at_once = all(operand is None or operand.at_once for operand in self.operands)
        self.conversions = [operand and operand.to_loop for operand in self.operands]
        self.native = by_element is None and not any(self.conversions)
        self.extent = self.extent_of(self.size)
        arrays = [None if operand is None else (operand.dtype, 1) for operand in self.operands[:3]]
        self.kinds = (*arrays, None if weight is None else (np.float64, 1))
        self.entry = entry(*self.kinds)

    @property
    def address(self) -> int:
        """The address of the machine code of the loop."""
        return machine_code(compiled(), argument_types(*self.kinds))

    def extent_of(self, size: int) -> Array:
        """The last argument of the loop, for a number of elements or rows."""
        return np.array([self.ignored, size, self.block, size > BLOCK], np.int64)

    def __call__(self, sample_weight: Array | None, where: Array | None, labels: Array | None) -> tuple[float, bool]:
        """Return the sum of the weights, and whether all sample weights are within the limits."""
        result: tuple[float, bool]
        if self.native:
            result = self.entry(sample_weight, where, labels, self.weight, self.limits, self.extent)
            return result
        given = (sample_weight, where, labels, self.by_element)
        if self.at_once:
            arrays = [convert(x) if convert else x for convert, x in zip(self.conversions, given, strict=True)]
            return self.add(self.extent, arrays)
        views = [operand and operand.view(x) for operand, x in zip(self.operands, given, strict=True)]
        total, lost, ordinary = 0.0, 0.0, True
        for index in slabs(self.shape, SLAB):
            arrays = [
                operand and operand.slab_to_loop(x[(*index, ...)])
                for operand, x in zip(self.operands, views, strict=True)
            ]
            size = next(array.size for array in arrays if array is not None)
            added, within = self.add(self.extent_of(size), arrays)
            total, lost = compensated_add(total, lost, added)
            ordinary = ordinary and within
        return compensated_sum(total, lost), ordinary

    def add(self, extent: Array, arrays: list[Any]) -> tuple[float, bool]:
        """Call the compiled loop on arrays that it takes as they are."""
        *leading, by_element = arrays
        weight = self.weight if self.by_element is None else by_element
        result: tuple[float, bool] = self.entry(*leading, weight, self.limits, extent)
        return result
