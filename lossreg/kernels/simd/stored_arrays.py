"""Arrays of numbers that a loop converts as it loads and stores them: 16-bit numbers, and strided ones."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

from numba import types
from numba.extending import intrinsic, models, register_model

from lossreg.kernels.compiler.borrowed_arrays import BorrowedArray
from lossreg.kernels.compiler.intrinsics import RowArray, unheld
from lossreg.kernels.compiler.numba_api import Tuple, cgutils, impl_ret_borrowed, llvm, make_array, signature
from lossreg.kernels.compiler.options import BLOCK, LANES
from lossreg.kernels.simd.contiguous_vectors import first_lanes
from lossreg.kernels.simd.short_formats import NARROWED, WIDENED
from lossreg.kernels.simd.vector_rows import INDEX, gather_or_scatter, load, masked, store
from lossreg.kernels.simd.vectors import splat


class StoredArray(BorrowedArray, RowArray):
    """An array of one, two or three axes, as BorrowedArray has them.

    number: the type in which the loop computes.
    stored: the name of the type in memory, which is `number` unless it is float16 or bfloat16.
    adjacent: whether the numbers are next to each other; an array of others has one axis, with any distance.
    filled: whether the loop fills its rows, and does not read them.
    row: the type of a row, which is a copy of at most BLOCK numbers; of one axis, the type of a number.
    """

    def __init__(self, stored: str, ndim: int, *, adjacent: bool, filled: bool = False) -> None:
        short = stored in WIDENED
        self.number = types.float32 if short else getattr(types, stored)
        self.stored, self.adjacent, self.filled = stored, adjacent, filled
        self.row = types.Array(self.number, 1, "C") if ndim > 1 else self.number
        super().__init__(types.uint16 if short else self.number, ndim, "C" if adjacent else "A")
        self.name = f"StoredArray{self.key}"

    @property
    def key(self) -> Any:
        """What makes two of these types equal."""
        return self.stored, self.ndim, self.adjacent, self.filled

    def row_at(self, context: Any, builder: Any, array: Any, index: Any) -> Any:
        """Emit a copy of a row, or a buffer of its length if the loop fills it; of one axis, a number."""
        rows, number = make_array(self)(context, builder, array), context.get_value_type(self.number)
        rows.data = cgutils.pointer_add(builder, rows.data, builder.mul(index, first_step(builder, rows)))
        if self.ndim == 1:
            return widened(builder, self, builder.load(rows.data))
        _, width = cgutils.unpack_tuple(builder, rows.shape)
        buffer = cgutils.alloca_once(builder, number, BLOCK)
        if not self.filled:
            with parts(builder, width) as (start, mask):
                lanes = load_masked(builder, builder.gep(rows.data, [start]), mask)
                store(builder, widened(builder, self, lanes), builder.gep(buffer, [start]))
        return unheld(context, builder, self.row, buffer, [width], [width.type(context.get_abi_sizeof(number))])


register_model(StoredArray)(models.ArrayModel)


def number_of(kind: Any) -> Any:
    """The type in which a loop computes with the numbers of an array."""
    return kind.number if isinstance(kind, StoredArray) else kind.dtype


def first_step(builder: Any, array: Any) -> Any:
    """Emit the step along the first axis of an array."""
    return cgutils.unpack_tuple(builder, array.strides)[0]


@contextmanager
def parts(builder: Any, width: Any) -> Any:
    """Emit a loop over a row, LANES numbers at a time: where each part starts, and the mask of its numbers."""
    with cgutils.for_range_slice(builder, width.type(0), width, width.type(LANES), inc=True) as (start, _):
        yield start, first_lanes(builder, builder.sub(width, start))


def load_masked(builder: Any, pointer: Any, mask: Any) -> Any:
    """Emit a load of the lanes of a mask; others are 0, and their memory is not read."""
    kind = llvm.VectorType(pointer.type.pointee, LANES)
    pointer = builder.bitcast(pointer, kind.as_pointer())
    return masked(builder, "load", kind, [pointer, INDEX(1), mask, llvm.Constant(kind, None)])


def store_masked(builder: Any, value: Any, pointer: Any, mask: Any) -> None:
    """Emit a store of the lanes of a mask."""
    pointer = builder.bitcast(pointer, value.type.as_pointer())
    masked(builder, "store", value.type, [value, pointer, INDEX(1), mask])


@intrinsic
def to_fill(_: Any, slopes: Any) -> Any:
    """The arrays of slopes, whose rows the loop fills without reading them."""
    found = [
        StoredArray(x.stored, x.ndim, adjacent=x.adjacent, filled=True) if isinstance(x, StoredArray) else x
        for x in slopes
    ]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        values = cgutils.unpack_tuple(builder, arguments[0])
        return impl_ret_borrowed(
            context, builder, form.return_type, context.make_tuple(builder, form.return_type, values)
        )

    return signature(Tuple(found), slopes), generate


@intrinsic
def store_filled(_: Any, slopes: Any, filled: Any, index: Any) -> Any:
    """Store the rows that the loop has filled of `to_fill` arrays, at an index; rows of other arrays are in place."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, copies, at = arguments
        for position, kind in enumerate(slopes):
            if isinstance(kind, StoredArray):
                rows = make_array(kind)(context, builder, builder.extract_value(packed, position))
                row = make_array(filled[position])(context, builder, builder.extract_value(copies, position))
                rows.data = cgutils.pointer_add(builder, rows.data, builder.mul(at, first_step(builder, rows)))
                with parts(builder, row.nitems) as (start, mask):
                    lanes = narrowed(builder, kind, load(builder, builder.gep(row.data, [start])))
                    store_masked(builder, lanes, builder.gep(rows.data, [start]), mask)
        return context.get_dummy_value()

    return signature(types.none, slopes, filled, types.intp), generate


def widened(builder: Any, kind: Any, lanes: Any) -> Any:
    """Emit the numbers that a loop computes with, of those that an array stores."""
    convert = WIDENED.get(kind.stored) if isinstance(kind, StoredArray) else None
    return convert(builder, lanes) if convert else lanes


def narrowed(builder: Any, kind: Any, lanes: Any) -> Any:
    """Emit the numbers that an array stores, of those that a loop computes with."""
    convert = NARROWED.get(kind.stored) if isinstance(kind, StoredArray) else None
    return convert(builder, lanes) if convert else lanes


def load_or_store(builder: Any, kind: Any, array: Any, start: Any, count: Any, value: Any = None) -> Any:
    """Load lanes of the last axis of an array; the last of `count` numbers fills the rest. With a value, store them."""
    data, (*_, step) = array.data, cgutils.unpack_tuple(builder, array.strides)
    adjacent = kind.adjacent if isinstance(kind, StoredArray) else True
    value = None if value is None else narrowed(builder, kind, value)
    result = cgutils.alloca_once(builder, llvm.VectorType(data.type.pointee, LANES))
    is_full = builder.icmp_signed("==", count, count.type(LANES)) if adjacent else cgutils.false_bit
    with builder.if_else(is_full) as (full, partial):
        with full:
            pointer = builder.gep(data, [start])
            if value is None:
                builder.store(load(builder, pointer), result)
            else:
                store(builder, value, pointer)
        with partial:
            last = splat(builder, builder.sub(count, count.type(1)))
            indices = llvm.Constant(last.type, list(range(LANES)))
            indices = builder.select(builder.icmp_signed("<", indices, last), indices, last)
            offsets = builder.mul(builder.add(indices, splat(builder, start)), splat(builder, step))
            found = gather_or_scatter(builder, data, offsets, value)
            if value is None:
                builder.store(found, result)
    return widened(builder, kind, builder.load(result))
