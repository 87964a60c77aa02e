"""Vectors of consecutive numbers of one row: load them, fetch the memory for them, and reduce their lanes."""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.numba_api import Tuple, cgutils, llvm, make_array, signature
from lossreg.kernels.compiler.options import LANES
from lossreg.kernels.simd.vector_rows import INDEX, load, masked, store
from lossreg.kernels.simd.vectors import Lanes, splat

AHEAD, LINE = 2048, 64
"""How far ahead of a store its memory is fetched, and the size of a cache line, in bytes."""


def fetch_for_stores(builder: Any, array: Any, start: Any) -> None:
    """Fetch the cache lines that lanes of a later iteration are stored to.

    Value, gradient and second derivative of mse of 1M float32 take 0.8 ms with it, into arrays that begin anywhere in a
    page of memory; without it 0.8 to 0.95 ms, by where they begin. A single output takes the same time with it.
    """
    byte = llvm.IntType(8).as_pointer()
    kind = llvm.FunctionType(llvm.VoidType(), [byte, INDEX, INDEX, INDEX])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    pointer = builder.bitcast(builder.gep(array.data, [start]), byte)
    size = 8 if array.data.type.pointee == llvm.DoubleType() else 4
    for line in range(0, LANES * size, LINE):
        builder.call(function, [builder.gep(pointer, [INDEX(AHEAD + line)]), INDEX(1), INDEX(3), INDEX(1)])


def first_lanes(builder: Any, count: Any) -> Any:
    """The mask of the first `count` lanes."""
    many = splat(builder, count)
    return builder.icmp_signed("<", llvm.Constant(many.type, list(range(LANES))), many)


@intrinsic
def leading(_: Any, count: Any) -> Any:
    """Return the mask of the first `count` lanes."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return first_lanes(builder, arguments[0])

    return signature(Lanes(types.boolean), types.intp), generate


@intrinsic
def lanes_from(_: Any, row: Any, start: Any) -> Any:
    """Load LANES numbers of a row from `start`."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        data = make_array(row)(context, builder, arguments[0]).data
        return load(builder, builder.gep(data, [arguments[1]]))

    return signature(Lanes(row.dtype), row, types.intp), generate


@intrinsic
def leading_lanes(_: Any, row: Any, start: Any, count: Any) -> Any:
    """Load `count` numbers of a row from `start`, with 0 in the other lanes, whose memory is not read."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        pointer = builder.gep(make_array(row)(context, builder, arguments[0]).data, [arguments[1]])
        kind = context.get_value_type(form.return_type)
        zeros = context.get_constant_null(form.return_type)
        pointer = builder.bitcast(pointer, kind.as_pointer())
        return masked(builder, "load", kind, [pointer, INDEX(1), first_lanes(builder, arguments[2]), zeros])

    return signature(Lanes(row.dtype), row, types.intp, types.intp), generate


@intrinsic
def store_lanes(_: Any, row: Any, start: Any, value: Any) -> Any:
    """Store LANES numbers in a row from `start`."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        data = make_array(row)(context, builder, arguments[0]).data
        store(builder, arguments[2], builder.gep(data, [arguments[1]]))
        return context.get_dummy_value()

    return signature(types.none, row, types.intp, Lanes(row.dtype)), generate


@intrinsic
def store_leading_lanes(_: Any, row: Any, start: Any, count: Any, value: Any) -> Any:
    """Store the first `count` lanes in a row from `start`."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        kind = context.get_value_type(form.args[3])
        pointer = builder.gep(make_array(row)(context, builder, arguments[0]).data, [arguments[1]])
        pointer = builder.bitcast(pointer, kind.as_pointer())
        masked(builder, "store", kind, [arguments[3], pointer, INDEX(1), first_lanes(builder, arguments[2])])
        return context.get_dummy_value()

    return signature(types.none, row, types.intp, types.intp, Lanes(row.dtype)), generate


@intrinsic
def wide_lanes(_: Any) -> Any:
    """Return float64 lanes of zeros, an accumulator."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return context.get_constant_null(form.return_type)

    return signature(Lanes(types.float64)), generate


@intrinsic
def compensated_halves(_: Any, added: Any, lost: Any) -> Any:
    """Return the sum of all lanes and its accumulated rounding errors: halves are added until one lane is left.

    `added` and `lost` are float64 lanes. Vectors of half the width take a third of the time of shuffles of all lanes.
    """

    def halves(builder: Any, x: Any, count: int) -> tuple[Any, Any]:
        if count == 1:
            low, high = (builder.extract_element(x, INDEX(at)) for at in range(2))
        else:
            indices = [[*range(at, at + count)] for at in (0, count)]
            orders = [llvm.Constant(llvm.VectorType(INDEX, count), each) for each in indices]
            low, high = (builder.shuffle_vector(x, x, order) for order in orders)
        return low, high

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        total, errors = arguments
        count = LANES
        while count > 1:
            count //= 2
            x, y = halves(builder, total, count)
            errors = builder.fadd(*halves(builder, errors, count))
            total = builder.fadd(x, y)
            back = builder.fsub(total, x)
            error = builder.fadd(builder.fsub(x, builder.fsub(total, back)), builder.fsub(y, back))
            errors = builder.fadd(errors, error)
        return context.make_tuple(builder, form.return_type, [total, errors])

    return signature(Tuple([types.float64, types.float64]), added, lost), generate


@intrinsic
def plain_lane_sum(_: Any, x: Any) -> Any:
    """Return the sum of all lanes as a float64; float32 lanes are halved in float32 until a quarter of them is left."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        lanes, count = arguments[0], LANES
        if x.dtype == types.float32:
            while count > LANES // 4:
                count //= 2
                halves = [
                    llvm.Constant(llvm.VectorType(INDEX, count), list(range(at, at + count))) for at in (0, count)
                ]
                lanes = builder.fadd(*(builder.shuffle_vector(lanes, lanes, half) for half in halves))
            lanes = builder.fpext(lanes, llvm.VectorType(llvm.DoubleType(), count))
        function = llvm.FunctionType(llvm.DoubleType(), [llvm.DoubleType(), lanes.type])
        reduce = cgutils.get_or_insert_function(builder.module, function, f"llvm.vector.reduce.fadd.v{count}f64")
        return builder.call(reduce, [llvm.Constant(llvm.DoubleType(), -0.0), lanes], fastmath=("reassoc",))

    return signature(types.float64, x), generate
