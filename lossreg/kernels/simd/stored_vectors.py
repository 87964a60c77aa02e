"""Vectors of the numbers of one array as it stores them: 16-bit numbers are converted, and others may be apart."""

from __future__ import annotations

from typing import Any

from lossreg.kernels.compiler.borrowed_arrays import StoredArray
from lossreg.kernels.compiler.numba_api import cgutils, llvm
from lossreg.kernels.compiler.options import LANES
from lossreg.kernels.simd.short_formats import NARROWED, WIDENED
from lossreg.kernels.simd.vector_rows import gather_or_scatter, load, store
from lossreg.kernels.simd.vectors import splat


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
