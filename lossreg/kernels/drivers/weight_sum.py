"""What the elements or rows of a call count together: the sum of their weights."""

from __future__ import annotations

from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.drivers.compiled_loops import entry_point, numba_type
from lossreg.kernels.drivers.operand import Operand
from lossreg.kernels.drivers.slabs import SLAB, slabs

if TYPE_CHECKING:
    from collections.abc import Callable

    Array = np.ndarray[Any, Any]

ORDINARY = {"float32": (2.0**-100, 2.0**-40, 2.0**40), "float64": (2.0**-900, 2.0**-400, 2.0**400)}
"""By the type that a loop computes in: the smallest weight, the smallest that the largest one may be, and the largest.

Within these a weight times a value neither overflows nor loses digits before the value does.
"""
NATIVE = (np.dtype(np.float32), np.dtype(np.float64))
"""The types of sample weights that the loop reads as they are."""


def add_weights(  # noqa: PLR0912  a branch for each thing that may weigh something
    sample_weight: Any, where: Any, labels: Any, ignored: int, weight: Any, limits: Any, size: int, length: int
) -> Any:
    """Add up how much the elements or rows weigh that are not masked or ignored, in blocks; and judge the weights.

    `weight` is by class where there are labels; a label out of range counts for nothing here. The second result tells
    whether the sample weights that count are of ordinary size, so that no product with one overflows.
    """
    smallest, ample, largest = limits
    added = 0.0
    extreme, large, weighs = False, False, False
    for start in range(0, size, length):
        stop = start + length if start + length < size else size
        # Cut out first, so that the loops count from 0 and take several at a time.
        if sample_weight is not None:
            block_weights = sample_weight[start:stop]
        if where is not None:
            block_mask = where[start:stop]
        if labels is not None:
            block_labels = labels[start:stop]
        elif weight is not None:
            block_shares = weight[start:stop]
        block = 0.0
        for i in range(stop - start):
            share = 1.0
            if sample_weight is not None:
                share = block_weights[i]
            if where is not None:
                share = share if block_mask[i] else 0.0
            if labels is not None:
                label = block_labels[i]
                share = 0.0 if label == ignored else share
                if weight is not None:
                    share *= weight[label] if (label >= 0) & (label < weight.size) else 0.0
            elif weight is not None:
                share *= block_shares[i]
            block += share
        added += block
        if sample_weight is not None:
            for i in range(stop - start):
                magnitude = abs(block_weights[i])
                counts = magnitude != 0
                if where is not None:
                    counts &= block_mask[i]
                weighs |= counts
                large |= counts & (magnitude >= ample)
                extreme |= counts & (not ((magnitude >= smallest) & (magnitude <= largest)))
    return added, (not extreme) & (large | (not weighs))


@cache
def compiled() -> Callable[..., Any]:
    """The compiled loop."""
    return clone(add_weights, f"add_weights_{fingerprint()}", {})


@cache
def entry(sample_weight: Any, where: Any, labels: Any, weight: Any) -> Callable[..., Any]:
    """The compiled code for such kinds of arrays, or None."""
    kinds = (sample_weight, where, labels, np.int64, weight, (np.float64,) * 3, np.int64, np.int64)
    return entry_point(compiled(), tuple(map(numba_type, kinds)), "add_weights")


class WeightSum:
    """The sum of the weights of arrays like those of one call, given in the loss's own shape or that of its first axes.

    sample_weight, where, labels: arrays like those to come, or None.
    weight: an array by class, where there are labels, or over the loss's own shape; None for a weight of 1.
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
        kind = sample_weight.dtype if sample_weight is not None and sample_weight.dtype in NATIVE else np.float64
        by_element = None if labels is not None else weight
        given = ((sample_weight, kind), (where, np.bool_), (labels, np.int64), (by_element, np.float64))
        self.operands: list[Any] = [
            None if x is None else Operand(x, kind, shape, rank=len(shape)) for x, kind in given
        ]
        self.by_element, self.weight = by_element, weight
        self.shape, self.ignored, self.limits = shape, ignored, ORDINARY[real.__name__]
        # A block is of whole elements of the first axis, as a slab is.
        self.size, rest = prod(shape), prod(shape[1:])
        self.block = max(1, SLAB // rest) * rest if 0 < rest <= SLAB else SLAB
        self.at_once = all(operand is None or operand.at_once for operand in self.operands)
        self.bring = [operand and operand.bring for operand in self.operands]
        self.plain = by_element is None and not any(self.bring)
        arrays = [None if operand is None else (operand.kind, 1) for operand in self.operands[:3]]
        self.entry = entry(*arrays, None if weight is None else (np.float64, 1))

    def __call__(self, sample_weight: Array | None, where: Array | None, labels: Array | None) -> tuple[float, bool]:
        """Add them up; the second result tells whether all sample weights are of ordinary size."""
        if self.plain:
            return self.add(self.size, sample_weight, where, labels, self.weight)
        given = (sample_weight, where, labels, self.by_element)
        if self.at_once:
            flat = [bring(x) if bring else x for bring, x in zip(self.bring, given, strict=True)]
            return self.add(self.size, *flat[:3], self.weight if self.by_element is None else flat[3])
        views = [operand and operand.view(x) for operand, x in zip(self.operands, given, strict=True)]
        total, ordinary = 0.0, True
        for index in slabs(self.shape, SLAB):
            parts = [operand and operand.part(x[index]) for operand, x in zip(self.operands, views, strict=True)]
            size = next(part.size for part in parts if part is not None)
            added, fine = self.add(size, *parts[:3], self.weight if self.by_element is None else parts[3])
            total, ordinary = total + added, ordinary and fine
        return total, ordinary

    def add(self, size: int, *arrays: Any) -> tuple[float, bool]:
        """Call the loop on flat arrays."""
        sample_weight, where, labels, weight = arrays
        result: tuple[float, bool] = self.entry(
            sample_weight, where, labels, self.ignored, weight, self.limits, size, self.block
        )
        return result
