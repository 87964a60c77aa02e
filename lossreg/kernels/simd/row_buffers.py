"""Between the arrays of a loss and rows side by side: rooms for them, and the ways there and back."""

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
from lossreg.kernels.simd.vector_rows import INDEX, LaneRow, by_lane, load, masked, store
from lossreg.kernels.simd.vectors import Lanes, splat

ALIGNED = 64
"""Bytes: rooms lie as the widest vectors do."""
LINES = 2
"""Axes of an array of rows; one whose rows lie across planes has one more."""


def mapped(found: list[Any], emit: Any) -> Any:
    """What generates a tuple of these types: what `emit` makes of each member of a tuple, or the member as it is."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, *others = arguments
        members = [builder.extract_value(packed, at) for at in range(len(found))]
        made = [emit(context, builder, at, member, *others) or member for at, member in enumerate(members)]
        return impl_ret_borrowed(
            context, builder, form.return_type, context.make_tuple(builder, form.return_type, made)
        )

    return generate


def by_row(kind: Any) -> bool:
    """Whether an operand is an array of rows."""
    return isinstance(kind, types.Array) and kind.ndim >= LINES


@intrinsic
def rooms(_: Any, operands: Any, width: Any) -> Any:
    """For each array of rows room on the stack for a row of lanes, of at most BLOCK numbers; others as they are."""
    found = [LaneRow(x.dtype) if by_row(x) else x for x in operands]

    def emit(context: Any, builder: Any, at: int, _: Any, size: Any) -> Any:
        if not by_row(operands[at]):
            return None
        data = cgutils.alloca_once(builder, context.get_value_type(found[at].dtype), BLOCK)
        data.align = ALIGNED
        return make_struct(context, builder, found[at], data=data, size=size)

    return signature(Tuple(found), operands, types.intp), mapped(found, emit)


@intrinsic
def lanes_at(_: Any, operands: Any, start: Any, count: Any) -> Any:
    """Of each array of one axis the numbers from `start`, of which there are `count`; the last one fills the lanes."""
    found = [Lanes(x.dtype) if isinstance(x, types.Array) else x for x in operands]

    def emit(context: Any, builder: Any, at: int, value: Any, first: Any, many: Any) -> Any:
        if not isinstance(operands[at], types.Array):
            return None
        array = make_array(operands[at])(context, builder, value)
        return in_line(builder, array.data, array.itemsize, first, many)

    return signature(Tuple(found), operands, types.intp, types.intp), mapped(found, emit)


@intrinsic
def weights_at(_: Any, sample_weight: Any, where: Any, start: Any, count: Any, one: Any) -> Any:
    """The weights from `start`, of which there are `count`; `one` where there are none, and 0 where masked."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        weights, mask, first, many, weight = arguments
        weight = splat(builder, weight)
        if isinstance(sample_weight, types.Array):
            array = make_array(sample_weight)(context, builder, weights)
            weight = in_line(builder, array.data, array.itemsize, first, many)
        if isinstance(where, types.Array):
            array = make_array(where)(context, builder, mask)
            shown = in_line(builder, array.data, array.itemsize, first, many)  # a byte each
            shown = builder.icmp_unsigned("!=", shown, llvm.Constant(shown.type, [0] * LANES))
            weight = builder.select(shown, weight, llvm.Constant(weight.type, [0.0] * LANES))
        return weight

    return signature(Lanes(one), sample_weight, where, types.intp, types.intp, one), generate


@intrinsic
def lane_rows(_: Any, operands: Any, like: Any) -> Any:
    """The operands that are rows of lanes; one without any where there are none."""
    kept = [at for at, operand in enumerate(operands) if isinstance(operand, LaneRow)]
    found = [operands[at] for at in kept] or [LaneRow(like)]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        values = [builder.extract_value(arguments[0], at) for at in kept]
        return context.make_tuple(builder, form.return_type, values or [context.get_constant_null(found[0])])

    return signature(Tuple(found), operands, like), generate


@intrinsic
def put(_: Any, row: Any, start: Any, count: Any, value: Any) -> Any:
    """Store `count` of the lanes in an array of one axis, from `start`."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, first, many, given = arguments
        array = make_array(row)(context, builder, packed)
        in_line(builder, array.data, array.itemsize, first, many, given)
        return context.get_dummy_value()

    return signature(types.none, row, types.intp, types.intp, Lanes(row.dtype)), generate


@intrinsic
def put_lanes(_: Any, destinations: Any, start: Any, count: Any, values: Any) -> Any:
    """Store `count` of each of the lanes in its own array of one axis, from `start`; None takes no lanes."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, first, many, given = arguments
        for position, kind in enumerate(destinations):
            if isinstance(kind, types.Array):
                array = make_array(kind)(context, builder, builder.extract_value(packed, position))
                in_line(builder, array.data, array.itemsize, first, many, builder.extract_value(given, position))
        return context.get_dummy_value()

    return signature(types.none, destinations, types.intp, types.intp, values), generate


@intrinsic
def safe(_: Any, operands: Any, counts: Any) -> Any:
    """The operands, with 0 for integers in the lanes that do not count: they may be no index."""

    def emit(context: Any, builder: Any, at: int, value: Any, mask: Any) -> Any:
        kind = operands[at]
        whole = isinstance(kind, Lanes) and isinstance(kind.dtype, types.Integer)
        return builder.select(mask, value, llvm.Constant(value.type, [0] * LANES)) if whole else None

    return signature(operands, operands, counts), mapped(list(operands), emit)


def in_line(builder: Any, data: Any, size: Any, start: Any, count: Any, value: Any = None) -> Any:
    """Emit the load of lanes from numbers that lie side by side, or their store; the last of `count` fills the rest."""
    result = cgutils.alloca_once(builder, llvm.VectorType(data.type.pointee, LANES))
    with builder.if_else(builder.icmp_signed("==", count, count.type(LANES))) as (all_of_them, some):
        with all_of_them:
            place = builder.gep(data, [start])
            if value is None:
                builder.store(load(builder, place), result)
            else:
                store(builder, value, place)
        with some:
            last = splat(builder, builder.sub(count, count.type(1)))
            each = llvm.Constant(last.type, list(range(LANES)))
            each = builder.select(builder.icmp_signed("<", each, last), each, last)
            offsets = builder.mul(builder.add(each, splat(builder, start)), splat(builder, size))
            found = by_lane(builder, data, offsets, value)
            if value is None:
                builder.store(found, result)
    return builder.load(result)


def across_planes(builder: Any, array: Any, room: Any, place: tuple[Any, Any, Any], back: bool) -> None:
    """Emit the copy of rows that lie across the planes of a sample into a room, class by class; or back."""
    sample, start, count = place
    planes, classes, _ = cgutils.unpack_tuple(builder, array.strides)
    data = cgutils.pointer_add(builder, array.data, builder.mul(sample, planes))
    with cgutils.for_range(builder, room.size) as loop:
        line = cgutils.pointer_add(builder, data, builder.mul(loop.index, classes))
        lanes = builder.gep(room.data, [builder.mul(loop.index, loop.index.type(LANES))])
        if back:
            in_line(builder, line, array.itemsize, start, count, load(builder, lanes))
        else:
            store(builder, in_line(builder, line, array.itemsize, start, count), lanes)


def along_lines(builder: Any, array: Any, room: Any, place: tuple[Any, Any, Any], back: bool) -> None:
    """Emit the copy of rows that lie one after the other into a room, 16 classes at a time; or back.

    By instructions that gather numbers it takes six times as long.
    """
    _, start, count = place
    step, _ = cgutils.unpack_tuple(builder, array.strides)
    whole, zero = llvm.VectorType(array.data.type.pointee, LANES), count.type(0)
    last = builder.sub(count, count.type(1))
    rows = []
    for lane in range(LANES):
        own = builder.select(builder.icmp_signed("<", count.type(lane), last), count.type(lane), last)
        rows.append(cgutils.pointer_add(builder, array.data, builder.mul(builder.add(start, own), step)))
    with cgutils.for_range_slice(builder, zero, room.size, count.type(LANES), inc=True) as (first, _):
        left = splat(builder, builder.sub(room.size, first))
        mask = builder.icmp_signed("<", llvm.Constant(left.type, list(range(LANES))), left)
        lines = [builder.gep(row, [first]) for row in rows]
        tiles = [
            builder.gep(room.data, [builder.mul(builder.add(first, first.type(j)), first.type(LANES))])
            for j in range(LANES)
        ]
        if back:
            for line, value in zip(lines, transposed(builder, [load(builder, tile) for tile in tiles]), strict=True):
                masked(builder, "store", whole, [value, line, INDEX(1), mask])
        else:
            nothing = llvm.Constant(whole, llvm.Undefined)
            values = [masked(builder, "load", whole, [line, INDEX(1), mask, nothing]) for line in lines]
            for tile, value in zip(tiles, transposed(builder, values), strict=True):
                store(builder, value, tile)


def transposed(builder: Any, vectors: list[Any]) -> list[Any]:
    """Emit as vectors the columns of the square that vectors are the rows of: four times the perfect shuffle."""
    half = LANES // 2
    low = llvm.Constant(llvm.VectorType(INDEX, LANES), [at // 2 + at % 2 * LANES for at in range(LANES)])
    high = llvm.Constant(llvm.VectorType(INDEX, LANES), [half + at // 2 + at % 2 * LANES for at in range(LANES)])
    for _ in range(LANES.bit_length() - 1):
        pairs = zip(vectors[:half], vectors[half:], strict=True)
        vectors = [builder.shuffle_vector(*pair, order) for pair in pairs for order in (low, high)]
    return vectors


def turned(operands: Any, back: bool) -> Any:
    """What generates the copy of each array of rows into its room, or back."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        packed, packed_rooms, *place = arguments
        for at, kind in enumerate(operands):
            if by_row(kind):
                array = make_array(kind)(context, builder, builder.extract_value(packed, at))
                row = builder.extract_value(packed_rooms, at)
                room = cgutils.create_struct_proxy(LaneRow(kind.dtype))(context, builder, row)
                copy = across_planes if kind.ndim > LINES else along_lines
                # One row of scratch has no place for more.
                end, (rows, *_) = builder.add(place[1], place[2]), cgutils.unpack_tuple(builder, array.shape)
                fits = cgutils.true_bit if copy is across_planes else builder.icmp_signed("<=", end, rows)
                with builder.if_then(fits):
                    copy(builder, array, room, place, back)
        return context.get_dummy_value()

    return generate


@intrinsic
def gather(_: Any, operands: Any, places: Any, sample: Any, start: Any, count: Any) -> Any:
    """Fill the rooms with `count` rows from `start`, of a sample where they lie across planes; the last fills up."""
    return signature(types.none, operands, places, *[types.intp] * 3), turned(operands, back=False)


@intrinsic
def scatter(_: Any, operands: Any, places: Any, sample: Any, start: Any, count: Any) -> Any:
    """The way back."""
    return signature(types.none, operands, places, *[types.intp] * 3), turned(operands, back=True)
