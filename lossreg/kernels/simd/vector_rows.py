"""Rows of lanes, which a kernel by row reads and fills, and operations on lanes other than arithmetic."""

from __future__ import annotations

import operator
from itertools import chain
from typing import Any

from numba import types
from numba.extending import infer_getattr, intrinsic, lower_builtin, lower_getattr, models, register_model

from lossreg.kernels.compiler.intrinsics import KernelRow
from lossreg.kernels.compiler.numba_api import (
    AbstractTemplate,
    AttributeTemplate,
    BaseTuple,
    CPointer,
    Tuple,
    cgutils,
    errors,
    llvm,
    make_array,
    signature,
)
from lossreg.kernels.compiler.options import LANES
from lossreg.kernels.compiler.type_inference import kernel_operation
from lossreg.kernels.simd.vectors import Lanes, common, is_number, spelt, splat

INDEX = llvm.IntType(32)


class LaneRow(KernelRow):
    """A row of vectors of lanes: the numbers of all rows for the first class, then those for the second, and so on."""

    def __init__(self, number: Any) -> None:
        self.dtype = Lanes(number)
        super().__init__(f"LaneRow({number})")


@register_model(LaneRow)
class LaneRowModel(models.StructModel):
    """A pointer to the numbers, and the number of vectors."""

    def __init__(self, manager: Any, kind: LaneRow) -> None:
        super().__init__(manager, kind, [("data", CPointer(kind.dtype.dtype)), ("size", types.intp)])


@intrinsic
def choose(_: Any, condition: Any, yes: Any, no: Any) -> Any:
    """`yes` if the condition is true, else `no`: in each lane, or for plain numbers. Tuples are chosen by number."""
    tuples = isinstance(yes, BaseTuple) and isinstance(no, BaseTuple) and len(yes) == len(no)
    pairs = [*zip(yes, no, strict=True)] if tuples else [(yes, no)]
    if not all(map(is_number, (condition, *chain.from_iterable(pairs)))):
        raise errors.TypingError("a branch on a condition that differs by lane can choose between numbers only")
    many = any(isinstance(kind, Lanes) for kind in (condition, *chain.from_iterable(pairs)))
    kinds = [Lanes(common(*pair)) if many else common(*pair) for pair in pairs]
    found = Tuple(kinds) if tuples else kinds[0]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        truth, *sides = arguments
        if not tuples:
            return builder.select(truth, *sides)
        members = zip(*[cgutils.unpack_tuple(builder, side) for side in sides], strict=True)
        return context.make_tuple(builder, found, [builder.select(truth, *pair) for pair in members])

    truth = Lanes(types.boolean) if isinstance(condition, Lanes) else types.boolean
    return signature(found, truth, found, found), generate


@intrinsic
def any_lane(_: Any, x: Any) -> Any:
    """Whether a condition is true in at least one lane."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], llvm.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, bits.type(0))

    return signature(types.boolean, Lanes(types.boolean)), generate


# Loads and stores


def load(builder: Any, pointer: Any) -> Any:
    """Load lanes from a pointer."""
    found = builder.load(builder.bitcast(pointer, llvm.VectorType(pointer.type.pointee, LANES).as_pointer()))
    found.align = 1
    return found


def store(builder: Any, value: Any, pointer: Any) -> None:
    """Store lanes at a pointer."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = 1


def gather_or_scatter(builder: Any, data: Any, offsets: Any, value: Any = None) -> Any:
    """Gather lanes from byte offsets to a pointer, one offset per lane; with a value, scatter it there."""
    pointers = builder.add(offsets, splat(builder, builder.ptrtoint(data, offsets.type.element)))
    pointers = builder.inttoptr(pointers, llvm.VectorType(data.type, LANES))
    all_lanes = llvm.Constant(llvm.VectorType(llvm.IntType(1), LANES), [1] * LANES)
    vector = llvm.VectorType(data.type.pointee, LANES)
    if value is None:
        arguments = [pointers, INDEX(1), all_lanes, llvm.Constant(vector, llvm.Undefined)]
        return masked(builder, "gather", vector, arguments)
    return masked(builder, "scatter", vector, [value, pointers, INDEX(1), all_lanes])


def masked(builder: Any, name: str, vector: Any, arguments: list[Any]) -> Any:
    """Call one of LLVM's masked intrinsics (load, store, gather, scatter) for a vector type."""
    pointers = f"v{LANES}p0" if name in ("gather", "scatter") else "p0"
    result = vector if name in ("gather", "load") else llvm.VoidType()
    kind = llvm.FunctionType(result, [x.type for x in arguments])
    full_name = f"llvm.masked.{name}.{spelt(vector)}.{pointers}"
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, full_name), arguments)


def pointer_to(context: Any, builder: Any, kind: Any, row: Any, j: Any) -> Any:
    """The pointer to vector `j` of a row of lanes."""
    data = cgutils.create_struct_proxy(kind)(context, builder, row).data
    return builder.gep(data, [builder.mul(j, j.type(LANES))])


def offsets_by_lane(context: Any, builder: Any, kind: Any, row: Any, indices: Any) -> tuple[Any, Any]:
    """The pointer to a row of lanes or an array, and in each lane the byte offset of the number at its own index."""
    wide = llvm.VectorType(llvm.IntType(64), LANES)
    indices = indices if indices.type == wide else builder.sext(indices, wide)
    if isinstance(kind, types.Array):
        array = make_array(kind)(context, builder, row)
        (stride,) = cgutils.unpack_tuple(builder, array.strides)
        return array.data, builder.mul(indices, splat(builder, stride))
    data = cgutils.create_struct_proxy(kind)(context, builder, row).data
    size = context.get_abi_sizeof(data.type.pointee)
    first = builder.mul(indices, llvm.Constant(wide, [size * LANES] * LANES))
    return data, builder.add(first, llvm.Constant(wide, [size * lane for lane in range(LANES)]))


# Operations of a kernel on its rows, of any of the types of them


@infer_getattr
class LaneRowAttributes(AttributeTemplate):
    """The attribute `size` of a row of lanes."""

    key = LaneRow

    def resolve_size(self, _: LaneRow) -> Any:
        """The type of the number of vectors."""
        return types.intp


@kernel_operation(len)
class RowLength(AbstractTemplate):
    """The length of a row."""

    def generic(self, args: Any, _: Any) -> Any:
        """The signature for these arguments, or None."""
        return signature(types.intp, *args) if isinstance(args[0], KernelRow) else None


def index_of(row: Any, j: Any) -> Any:
    """The type of the index at which an operation on a row is implemented, or None; in a row of lanes it may be lanes.

    Each lane then has its own index.
    """
    if isinstance(j, Lanes):
        return j if isinstance(row, LaneRow) and isinstance(j.dtype, types.Integer) else None
    return types.intp if isinstance(row, KernelRow) and isinstance(j, types.Integer) else None


@kernel_operation(operator.getitem)
class ReadRow(AbstractTemplate):
    """row[j]."""

    def generic(self, args: Any, _: Any) -> Any:
        """The signature for these arguments, or None."""
        row, j = args
        index = index_of(row, j)
        return signature(row.dtype, row, index) if index else None


@kernel_operation(operator.setitem)
class WriteRow(AbstractTemplate):
    """row[j] = value."""

    def generic(self, args: Any, _: Any) -> Any:
        """The signature for these arguments, or None."""
        row, j, value = args
        index = index_of(row, j) if is_number(value) else None
        return signature(types.none, row, index, row.dtype) if index else None


@kernel_operation(operator.getitem)
class ReadArrayByLane(AbstractTemplate):
    """row[j] of an array for lanes j."""

    def generic(self, args: Any, _: Any) -> Any:
        """The signature for these arguments, or None."""
        row, j = args
        fits = isinstance(row, types.Array) and row.ndim == 1 and isinstance(j, Lanes)
        return signature(Lanes(row.dtype), row, j) if fits and isinstance(j.dtype, types.Integer) else None


@lower_builtin(len, LaneRow)
def _length(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return _size(context, builder, form.args[0], *arguments)


@lower_getattr(LaneRow, "size")
def _size(context: Any, builder: Any, kind: Any, row: Any) -> Any:
    return cgutils.create_struct_proxy(kind)(context, builder, row).size


@lower_builtin(operator.getitem, LaneRow, types.intp)
def _read(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return load(builder, pointer_to(context, builder, form.args[0], *arguments))


@lower_builtin(operator.getitem, LaneRow, Lanes)
@lower_builtin(operator.getitem, types.Array, Lanes)
def _read_by_lane(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return gather_or_scatter(builder, *offsets_by_lane(context, builder, form.args[0], *arguments))


@lower_builtin(operator.setitem, LaneRow, types.intp, Lanes)
def _write(context: Any, builder: Any, form: Any, arguments: Any) -> None:
    row, j, value = arguments
    store(builder, value, pointer_to(context, builder, form.args[0], row, j))


@lower_builtin(operator.setitem, LaneRow, Lanes, Lanes)
def _write_by_lane(context: Any, builder: Any, form: Any, arguments: Any) -> None:
    row, indices, value = arguments
    gather_or_scatter(builder, *offsets_by_lane(context, builder, form.args[0], row, indices), value)
