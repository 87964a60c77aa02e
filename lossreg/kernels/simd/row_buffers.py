"""Transposed buffers of rows for the vector loop: allocate them, load rows into them, and store rows from them."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.numba_api import (
    Tuple,
    cgutils,
    impl_ret_borrowed,
    llvm,
    make_array,
    make_struct,
    signature,
)
from lossreg.kernels.compiler.options import BLOCK, LANES
from lossreg.kernels.simd.contiguous_vectors import fetch_for_stores
from lossreg.kernels.simd.stored_arrays import load_or_store, narrowed, number_of, widened
from lossreg.kernels.simd.vector_rows import INDEX, LaneRow, load, masked, store
from lossreg.kernels.simd.vectors import Lanes, convert, splat

ALIGNED = 64
"""The alignment of buffers in bytes: that of the widest vectors."""
ROW_AXES = 2  # of an array of rows, (N, C); a channels-first array, (N, C, S), has one more


def mapped(found: list[Any], emit: Any) -> Any:
    """The code generator of a tuple: each member of another tuple, or what `emit` makes of it if that is not None."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, *others = arguments
        members = [builder.extract_value(packed, at) for at in range(len(found))]
        made = [emit(context, builder, at, member, *others) or member for at, member in enumerate(members)]
        return impl_ret_borrowed(
            context, builder, form.return_type, context.make_tuple(builder, form.return_type, made)
        )

    return generate


def by_row(kind: Any) -> bool:
    """Whether a type is an array of rows."""
    return isinstance(kind, types.Array) and kind.ndim >= ROW_AXES


@intrinsic
def allocate_row_buffers(_: Any, operands: Any, width: Any) -> Any:
    """Replace each array of rows by a buffer on the stack for `width` vectors, at most BLOCK numbers."""
    found = [LaneRow(number_of(x)) if by_row(x) else x for x in operands]

    def emit(context: Any, builder: Any, at: int, _: Any, size: Any) -> Any:
        if not by_row(operands[at]):
            return None
        data = cgutils.alloca_once(builder, context.get_value_type(number_of(operands[at])), BLOCK)
        data.align = ALIGNED
        return make_struct(context, builder, found[at], data=data, size=size)

    return signature(Tuple(found), operands, types.intp), mapped(found, emit)


@intrinsic
def load_vectors(_: Any, operands: Any, start: Any, count: Any) -> Any:
    """Replace each array by lanes of its elements from `start`; the last of `count` elements fills other lanes."""
    found = [Lanes(number_of(x)) if isinstance(x, types.Array) else x for x in operands]

    def emit(context: Any, builder: Any, at: int, value: Any, first: Any, many: Any) -> Any:
        if not isinstance(operands[at], types.Array):
            return None
        array = make_array(operands[at])(context, builder, value)
        return load_or_store(builder, operands[at], array, first, many)

    return signature(Tuple(found), operands, types.intp, types.intp), mapped(found, emit)


@intrinsic
def load_weights(_: Any, sample_weight: Any, where: Any, start: Any, count: Any, one: Any) -> Any:
    """Load lanes of weights as `load_vectors` does: `one` if there are none, and 0 in masked lanes."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        weights, mask, first, many, weight = arguments
        weight = splat(builder, weight)
        if isinstance(sample_weight, types.Array):
            array = make_array(sample_weight)(context, builder, weights)
            weight = load_or_store(builder, sample_weight, array, first, many)
            weight = convert(context, builder, weight, Lanes(sample_weight.dtype), form.return_type)
        if isinstance(where, types.Array):
            array = make_array(where)(context, builder, mask)
            unmasked = load_or_store(builder, where, array, first, many)  # a byte each
            unmasked = builder.icmp_unsigned("!=", unmasked, llvm.Constant(unmasked.type, [0] * LANES))
            weight = builder.select(unmasked, weight, llvm.Constant(weight.type, [0.0] * LANES))
        return weight

    return signature(Lanes(one), sample_weight, where, types.intp, types.intp, one), generate


@intrinsic
def lane_rows(_: Any, operands: Any, like: Any) -> Any:
    """The rows of lanes among the operands; one empty row if there are none: numba cannot loop over an empty tuple."""
    kept = [at for at, operand in enumerate(operands) if isinstance(operand, LaneRow)]
    found = [operands[at] for at in kept] or [LaneRow(like)]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        values = [builder.extract_value(arguments[0], at) for at in kept]
        return context.make_tuple(builder, form.return_type, values or [context.get_constant_null(found[0])])

    return signature(Tuple(found), operands, like), generate


@intrinsic
def store_vector(_: Any, row: Any, start: Any, count: Any, value: Any) -> Any:
    """Store the first `count` lanes at `start` of a one-dimensional array."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, first, many, given = arguments
        array = make_array(row)(context, builder, packed)
        load_or_store(builder, row, array, first, many, given)
        return context.get_dummy_value()

    return signature(types.none, row, types.intp, types.intp, Lanes(number_of(row))), generate


@intrinsic
def store_vectors(_: Any, destinations: Any, start: Any, count: Any, values: Any) -> Any:
    """Store the first `count` lanes of each vector at `start` of its own one-dimensional array; skip None."""
    kept = [at for at, kind in enumerate(destinations) if isinstance(kind, types.Array)]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, first, many, given = arguments
        for at in kept:
            array = make_array(destinations[at])(context, builder, builder.extract_value(packed, at))
            if len(kept) > 1:
                fetch_for_stores(builder, array, first)
            load_or_store(builder, destinations[at], array, first, many, builder.extract_value(given, at))
        return context.get_dummy_value()

    return signature(types.none, destinations, types.intp, types.intp, values), generate


@intrinsic
def mask_integers(_: Any, operands: Any, counts: Any) -> Any:
    """Replace integers by 0 in the lanes that do not count, where they may be out of range as indices."""

    def emit(context: Any, builder: Any, at: int, value: Any, mask: Any) -> Any:
        kind = operands[at]
        integer = isinstance(kind, Lanes) and isinstance(kind.dtype, types.Integer)
        return builder.select(mask, value, llvm.Constant(value.type, [0] * LANES)) if integer else None

    return signature(operands, operands, counts), mapped(list(operands), emit)


def copy_channels_first(
    builder: Any, kind: Any, array: Any, buffer: Any, place: tuple[Any, Any, Any], back: bool
) -> None:
    """Copy rows of a (N, C, S) array into a buffer, class by class, or back."""
    sample, start, count = place
    planes, classes, _ = cgutils.unpack_tuple(builder, array.strides)
    first = array.data
    with cgutils.for_range(builder, buffer.size) as loop:
        offset = builder.add(builder.mul(sample, planes), builder.mul(loop.index, classes))
        array.data = cgutils.pointer_add(builder, first, offset)
        lanes = builder.gep(buffer.data, [builder.mul(loop.index, loop.index.type(LANES))])
        if back:
            load_or_store(builder, kind, array, start, count, load(builder, lanes))
        else:
            store(builder, load_or_store(builder, kind, array, start, count), lanes)


def copy_transposed(builder: Any, kind: Any, array: Any, buffer: Any, place: tuple[Any, Any, Any], back: bool) -> None:
    """Copy rows of a (N, C) array into a buffer, transposing LANES rows and classes at a time, or back.

    With gather instructions it takes six times as long.
    """
    _, start, count = place
    step, _ = cgutils.unpack_tuple(builder, array.strides)
    vector, zero = llvm.VectorType(array.data.type.pointee, LANES), count.type(0)
    last = builder.sub(count, count.type(1))
    rows = []
    for lane in range(LANES):
        row = builder.select(builder.icmp_signed("<", count.type(lane), last), count.type(lane), last)
        rows.append(cgutils.pointer_add(builder, array.data, builder.mul(builder.add(start, row), step)))
    with cgutils.for_range_slice(builder, zero, buffer.size, count.type(LANES), inc=True) as (first, _):
        left = splat(builder, builder.sub(buffer.size, first))
        mask = builder.icmp_signed("<", llvm.Constant(left.type, list(range(LANES))), left)
        lines = [builder.gep(row, [first]) for row in rows]
        tiles = [
            builder.gep(buffer.data, [builder.mul(builder.add(first, first.type(j)), first.type(LANES))])
            for j in range(LANES)
        ]
        if back:
            for line, value in zip(lines, transposed(builder, [load(builder, tile) for tile in tiles]), strict=True):
                masked(builder, "store", vector, [narrowed(builder, kind, value), line, INDEX(1), mask])
        else:
            undefined = llvm.Constant(vector, llvm.Undefined)
            values = [masked(builder, "load", vector, [line, INDEX(1), mask, undefined]) for line in lines]
            values = [widened(builder, kind, value) for value in values]
            for tile, value in zip(tiles, transposed(builder, values), strict=True):
                store(builder, value, tile)


def transposed(builder: Any, vectors: list[Any]) -> list[Any]:
    """Transpose LANES vectors of LANES numbers by repeated perfect shuffles."""
    half = LANES // 2
    low = llvm.Constant(llvm.VectorType(INDEX, LANES), [at // 2 + at % 2 * LANES for at in range(LANES)])
    high = llvm.Constant(llvm.VectorType(INDEX, LANES), [half + at // 2 + at % 2 * LANES for at in range(LANES)])
    for _ in range(LANES.bit_length() - 1):
        pairs = zip(vectors[:half], vectors[half:], strict=True)
        vectors = [builder.shuffle_vector(*pair, order) for pair in pairs for order in (low, high)]
    return vectors


def copy_rows(operands: Any, back: bool) -> Any:
    """The code generator that copies each array of rows into its buffer, or back."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, packed_buffers, *place = arguments
        for at, kind in enumerate(operands):
            if by_row(kind):
                array = make_array(kind)(context, builder, builder.extract_value(packed, at))
                row = builder.extract_value(packed_buffers, at)
                buffer = cgutils.create_struct_proxy(LaneRow(number_of(kind)))(context, builder, row)
                copy = copy_channels_first if kind.ndim > ROW_AXES else copy_transposed
                # A slope that the caller does not want is one scratch row, to which nothing is stored.
                end, (rows, *_) = builder.add(place[1], place[2]), cgutils.unpack_tuple(builder, array.shape)
                fits = cgutils.true_bit if copy is copy_channels_first else builder.icmp_signed("<=", end, rows)
                with builder.if_then(fits):
                    copy(builder, kind, array, buffer, place, back)
        return context.get_dummy_value()

    return generate


@intrinsic
def load_rows(_: Any, operands: Any, buffers: Any, sample: Any, start: Any, count: Any) -> Any:
    """Load `count` rows from `start` into the buffers, in channels-first arrays of one sample; repeat the last row."""
    return signature(types.none, operands, buffers, *[types.intp] * 3), copy_rows(operands, back=False)


@intrinsic
def store_rows(_: Any, operands: Any, buffers: Any, sample: Any, start: Any, count: Any) -> Any:
    """Store `count` rows from the buffers at `start`."""
    return signature(types.none, operands, buffers, *[types.intp] * 3), copy_rows(operands, back=True)
