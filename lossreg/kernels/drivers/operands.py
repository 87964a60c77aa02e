"""Operands: the arrays of a call, and their conversion to contiguous arrays that a compiled loop takes."""

from __future__ import annotations

from math import prod
from operator import methodcaller
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy import empty

from lossreg.kernels.drivers.short_floats import assign, is_short, widened
from lossreg.kernels.drivers.slabs import SLAB
from lossreg.kernels.loops.row_layout import element_layout, in_three_axes, row_layout

if TYPE_CHECKING:
    from collections.abc import Iterable

    Array = np.ndarray[Any, Any]

UINT64 = np.dtype(np.uint64)
NATIVE_WEIGHTS = (np.dtype(np.float32), np.dtype(np.float64))
"""The dtypes of sample weights that loops read without conversion."""
LARGEST = np.uint64(np.iinfo(np.int64).max)


class Operand:
    """The dtype, shape and layout of one array of a call, and how it is converted to what the loop takes.

    given: an array with the dtype, shape, strides and alignment of those that calls will pass.
    dtype: the type of numbers that the loop takes.
    shape: the loss's own shape, followed by the length of the rows if the array has rows. An array of another shape is
        broadcast to it: the axes that it lacks are the last ones.
    rank: the number of axes of the loss's own shape.
    order: the transposition that makes the rows the last axis, or None if they are.

    class_axis_first: whether the array is (N, C, ...), and the last axis leads to nearer numbers than the class axis.
    packed: whether the numbers are contiguous in the order of the full shape.
    native: whether the loop takes the array as it is.
    at_once: whether the array is native, or small enough to be converted as one piece.
    to_loop: the function that converts an array to what the loop takes; None if it needs no conversion.
    layout: how rows are in memory that a scalar loop can take where they are; otherwise None.
    elements: how numbers are in memory that a vector loop can take where they are; otherwise None.
    kind: what the loop takes: arrays of a dtype, or of a layout of elements.
    """

    __slots__ = (
        *(
            "at_once",
            "class_axis_first",
            "clipped",
            "contiguous",
            "dtype",
            "elements",
            "expanded",
            "has_rows",
            "kind",
            "layout",
            "may_overflow",
            "native",
        ),
        *("order", "packed", "row_length", "shape", "short", "to_loop"),
    )

    def __init__(
        self, given: Array, dtype: Any, shape: tuple[int, ...], order: tuple[int, ...] | None = None, *, rank: int
    ) -> None:
        self.dtype, self.shape, self.order = dtype, shape, order
        size = prod(shape[:rank])
        self.has_rows, self.row_length = len(shape) > rank, 1
        if self.has_rows:
            self.row_length = shape[-1]
        self.expanded = None
        if order is None and given.shape != shape:
            self.expanded = given.shape + (1,) * (len(shape) - given.ndim)
        self.packed = given.flags.c_contiguous and order is None and self.expanded is None
        # Native up to the order of the axes.
        self.contiguous = (
            given.dtype == dtype and given.flags.c_contiguous and given.flags.aligned and self.expanded is None
        )
        self.native = self.contiguous and order is None
        self.at_once = self.native or size * self.row_length <= SLAB
        self.short = is_short(given.dtype)
        changes = given.dtype.kind == "f" and given.dtype.num != np.dtype(dtype).num
        self.may_overflow = not self.contiguous and changes and not (self.short and dtype is np.float32)
        readable = given.dtype == dtype or (self.short and dtype is np.float32)
        readable = readable and given.dtype.isnative and given.flags.aligned and self.expanded is None
        self.layout = row_layout(self.view(given)) if self.has_rows and readable else None
        # Labels above the int64 range become its largest number, which is out of range as well.
        self.clipped = given.dtype == UINT64 and dtype is np.int64
        self.class_axis_first = False
        if self.has_rows and order == (0, *range(2, len(shape)), 1):
            self.class_axis_first = abs(given.strides[-1]) <= abs(given.strides[1])
        # Rows have to be contiguous; only elements may be apart.
        whole = given.flags.c_contiguous and (order is None or self.class_axis_first)
        readable = readable and (self.short or given.dtype.kind == "f") and (whole or not self.has_rows)
        self.kind, self.elements = dtype, element_layout(given) if readable else None
        self.to_loop: Any = None
        if not self.native:
            simple = order is None and self.expanded is None and not (self.clipped or self.short)
            self.to_loop = methodcaller("astype", dtype, "C") if simple else self.copy

    def take_in_place(self) -> None:
        """Let a vector loop take the array where it is: it converts numbers as it loads and stores them."""
        self.kind, self.to_loop = self.elements, None
        self.native = self.at_once = self.contiguous = True

    def view(self, x: Array) -> Array:
        """View the array in its full shape, with rows on the last axis."""
        if self.order is not None:
            return x.transpose(self.order)
        return x if self.expanded is None else np.broadcast_to(x.reshape(self.expanded), self.shape)

    def converted(self, x: Array) -> Array:
        """Convert an array to a new C-contiguous one of the loop's dtype."""
        if self.short:
            return np.asarray(widened(x)).astype(self.dtype, copy=False)
        # A function of numpy returns a scalar for an array without axes, and the loop takes arrays only.
        return np.asarray(np.minimum(x, LARGEST) if self.clipped else x).astype(self.dtype, order="C")

    def copy(self, x: Array) -> Array:
        """Copy an array to a new one that the loop takes."""
        if self.order is not None:
            return self.converted(x.transpose(self.order))
        if self.expanded is None:
            return self.converted(x)
        made = empty(self.shape, self.dtype)
        made[...] = self.converted(x).reshape(self.expanded)
        return made

    def rows_in_place(self, x: Array) -> Array:
        """View the rows of an array where they are, in three axes: rows are numbered along the first two."""
        return in_three_axes(self.view(x))

    def buffer(self, _: Array) -> Array:
        """Allocate a buffer for the loop to fill in place of an output array."""
        return empty(self.shape, self.dtype)

    def copy_back(self, filled: Array, x: Array) -> None:
        """Copy a filled buffer to the output array."""
        assign(self.view(x), filled)

    def is_native(self, x: Array) -> bool:
        """Whether the loop takes a slab of a view without a copy."""
        return x.dtype == self.dtype and x.flags.c_contiguous and x.flags.aligned

    def slab_to_loop(self, x: Array) -> Array:
        """Convert a slab of a view to what the loop takes."""
        return x if self.is_native(x) else self.converted(x)

    @property
    def channels_first(self) -> bool:
        """Whether an array of rows is (N, C, ...) in memory."""
        return self.class_axis_first and self.contiguous


def weight_type(weight: Array) -> Any:
    """The type in which loops read sample weights: their own, if it is float32 or float64."""
    return weight.dtype.type if weight.dtype in NATIVE_WEIGHTS else np.float64


class Operands:
    """The arrays that a loop fills and reads; those that calls do not have or do not ask for are None.

    values, weight, where: arrays of the loss's own shape. slopes, inputs: arrays with their dtypes, full shapes and
    orders, the first four arguments of `Operand`. There are as many slopes as the form has.
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
        self.weight = None if weight is None else Operand(weight, weight_type(weight), shape, rank=rank)
        self.where = None if where is None else Operand(where, np.bool_, shape, rank=rank)
        self.slopes: list[Operand | None] = []
        for given in slopes:
            self.slopes.append(None if given is None else Operand(*given, rank=rank))
        self.inputs: list[Operand] = []
        for given in inputs:
            self.inputs.append(Operand(*given, rank=rank))

    @property
    def rows(self) -> list[Operand]:
        """The slopes and inputs that are arrays of rows."""
        return [x for x in (*self.slopes, *self.inputs) if x is not None and x.has_rows]

    def in_order(self, slots: Iterable[int]) -> list[Operand | None]:
        """List them in the order of the loop's arguments: values, weight, mask, the slopes at `slots`, inputs."""
        return [self.values, self.weight, self.where, *[self.slopes[at] for at in slots], *self.inputs]


LEADING = 3
"""The number of operands before the slopes: values, weight and mask."""
