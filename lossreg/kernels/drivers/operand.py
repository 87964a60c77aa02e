"""The arrays of a call, and how they are brought to what a compiled loop takes: contiguous, one axis of elements."""

from __future__ import annotations

from math import prod
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty, ndarray

from lossreg.kernels.drivers.slabs import SLAB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Array = np.ndarray[Any, Any]
    Bring = Callable[[Array], Array]

UINT64 = np.dtype(np.uint64)
LARGEST = np.uint64(np.iinfo(np.int64).max)


class Operand:
    """The type, shape and layout of one array of a call, as it is given and as the loop takes it.

    given: an array like those to come: of the same type, shape, strides and alignment.
    kind: the type that the loop takes.
    shape: the loss's own shape, with the length of the rows behind it where the array has rows. A given array of
        another shape is broadcast to it, and the axes that it lacks are the last ones.
    rank: the number of axes of the loss's own shape.
    order: the transposition that puts the rows last, where they are not.

    ready: whether it is as the loop takes it, but for the number of axes.
    at_once: whether it is ready, or small enough to be converted all at once.
    bring: the function that brings an array to what the loop takes; None where it is so.
    """

    __slots__ = (
        *("at_once", "bring", "clipped", "exact", "expanded", "flat_shape", "kind", "order", "ready", "rounded"),
        *("row", "rows", "shape"),
    )

    def __init__(
        self, given: Array, kind: Any, shape: tuple[int, ...], order: tuple[int, ...] | None = None, *, rank: int
    ) -> None:
        self.kind, self.shape, self.order = kind, shape, order
        size = prod(shape[:rank])
        self.rows, self.row = len(shape) > rank, 1
        self.flat_shape: tuple[int, ...] = (size,)
        if self.rows:
            self.row, self.flat_shape = shape[-1], (size, shape[-1])
        self.expanded = None
        if order is None and given.shape != shape:
            self.expanded = given.shape + (1,) * (len(shape) - given.ndim)
        contiguous = given.flags.c_contiguous and given.flags.aligned
        # Whether the numbers lie in memory as the loop takes them, but for the order of the axes.
        self.exact = given.dtype == kind and contiguous and self.expanded is None
        self.ready = self.exact and order is None
        self.at_once = self.ready or size * self.row <= SLAB
        # Whether its numbers may overflow or underflow as they are converted.
        self.rounded = not self.exact and given.dtype.kind == "f" and given.dtype.num != np.dtype(kind).num
        # Labels beyond int64 become its largest number, which is as much out of range.
        self.clipped = given.dtype == UINT64 and kind is np.int64
        flat = shape == self.flat_shape
        self.bring: Any = None
        if not self.ready:
            simple = flat and order is None and self.expanded is None and not self.clipped
            self.bring = methodcaller("astype", kind, "C") if simple else self.copy
        elif not flat:
            self.bring = methodcaller("reshape", self.flat_shape) if self.rows else ndarray.ravel

    def view(self, x: Array) -> Array:
        """View the array in its full shape, rows last."""
        if self.order is not None:
            return x.transpose(self.order)
        return x if self.expanded is None else np.broadcast_to(x.reshape(self.expanded), self.shape)

    def copy(self, x: Array) -> Array:
        """Copy an array to one that the loop takes."""
        made = empty(self.shape, self.kind)
        if self.order is not None:
            x = x.transpose(self.order)
        elif self.expanded is not None:
            x = x.reshape(self.expanded)
        made[...] = np.minimum(x, LARGEST) if self.clipped else x
        return made.reshape(self.flat_shape)

    def blank(self, _: Array) -> Array:
        """Make an array for the loop to fill in the place of another."""
        return empty(self.flat_shape, self.kind)

    def deliver(self, filled: Array, x: Array) -> None:
        """Copy what the loop has filled to an array."""
        self.view(x)[...] = filled if self.shape == self.flat_shape else filled.reshape(self.shape)

    def takes(self, x: Array) -> bool:
        """Whether a piece of a view is as the loop takes it."""
        return x.dtype == self.kind and x.flags.c_contiguous and x.flags.aligned

    def part(self, x: Array) -> Array:
        """Bring a piece of a view to what the loop takes: the piece itself, if it is so."""
        if not self.takes(x):
            x = (np.minimum(x, LARGEST) if self.clipped else x).astype(self.kind, order="C")
        return x.reshape(-1, *self.flat_shape[1:])

    def across_planes(self) -> Bring | None:
        """The function that views an array (N, C, ...) of rows as (N, C, S); None where the rows do not lie so."""
        rank = len(self.shape) - 1
        if not (self.rows and self.exact and self.order == (0, *range(2, rank + 1), 1)):
            return None
        return methodcaller("reshape", (self.shape[0], self.shape[-1], prod(self.shape[1:-1])))


class Operands:
    """The operands of a loop over arrays: what it fills and reads; None for what calls do not have, or do not ask for.

    values, weight, where: arrays over the loss's own shape.
    slopes, inputs: arrays with their types, full shapes and orders, as `Operand` takes them. There are as many slopes
        as the form has.
    """

    def __init__(
        self,
        real: type,
        shape: tuple[int, ...],
        values: Array | None,
        weight: Array | None,
        where: Array | None,
        slopes: list[tuple[Any, ...] | None],
        inputs: list[tuple[Any, ...]],
    ) -> None:
        rank = len(shape)
        self.real, self.shape = real, shape
        self.values = None if values is None else Operand(values, real, shape, rank=rank)
        self.weight = None if weight is None else Operand(weight, real, shape, rank=rank)
        self.where = None if where is None else Operand(where, np.bool_, shape, rank=rank)
        self.slopes: list[Operand | None] = []
        for given in slopes:
            self.slopes.append(None if given is None else Operand(*given, rank=rank))
        self.inputs: list[Operand] = []
        for given in inputs:
            self.inputs.append(Operand(*given, rank=rank))

    def in_order(self, slots: Iterable[int]) -> list[Operand | None]:
        """All in one list: values, weight and mask, the slopes that a loop has a place for, and the inputs."""
        return [self.values, self.weight, self.where, *[self.slopes[at] for at in slots], *self.inputs]


BESIDE = 3
"""The operands in order before the slopes: values, weight and mask."""
