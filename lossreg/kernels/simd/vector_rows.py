"""Rows of lanes, as a kernel by row reads and fills them, and what it does by lane beside arithmetic."""

from __future__ import annotations

import operator
from typing import Any

from numba import types
from numba.extending import infer_getattr, intrinsic, lower_builtin, lower_getattr, models, register_model

from lossreg.kernels.compiler.numba_api import (
    AbstractTemplate,
    AttributeTemplate,
    CPointer,
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


class OwnRow(types.Type):
    """A row as a kernel has it, which is no array of numba's: it has a length."""


class LaneRow(OwnRow):
    """A row of lanes: the numbers of the first class of each row, then those of the next."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(f"LaneRow({dtype})")


@register_model(LaneRow)
class LaneRowModel(models.StructModel):
    """The numbers, and how many lanes there are."""

    def __init__(self, manager: Any, kind: LaneRow) -> None:
        super().__init__(manager, kind, [("data", CPointer(kind.dtype)), ("size", types.intp)])


@intrinsic
def choose(_: Any, condition: Any, yes: Any, no: Any) -> Any:
    """`yes` where the condition is true, else `no`: for each lane, or for one number."""
    if not (is_number(condition) and is_number(yes) and is_number(no)):
        raise errors.TypingError("only numbers can be chosen from by lane")
    many = any(isinstance(kind, Lanes) for kind in (condition, yes, no))
    kind = Lanes(common(yes, no)) if many else common(yes, no)

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return builder.select(*arguments)

    asked = Lanes(types.boolean) if isinstance(condition, Lanes) else types.boolean
    return signature(kind, asked, kind, kind), generate


@intrinsic
def any_lane(_: Any, x: Any) -> Any:
    """Whether it is true of a lane."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], llvm.IntType(LANES))
        return builder.icmp_unsigned("!=", bits, bits.type(0))

    return signature(types.boolean, Lanes(types.boolean)), generate


# Loads and stores


def load(builder: Any, pointer: Any) -> Any:
    """Emit the lanes that lie at a pointer to numbers."""
    found = builder.load(builder.bitcast(pointer, llvm.VectorType(pointer.type.pointee, LANES).as_pointer()))
    found.align = 1
    return found


def store(builder: Any, value: Any, pointer: Any) -> None:
    """The way back."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = 1


def by_lane(builder: Any, data: Any, offsets: Any, value: Any = None) -> Any:
    """Emit the load from, or store to, a place of its own in each lane: so many bytes from a pointer to numbers."""
    number = data.type.pointee
    places = builder.add(offsets, splat(builder, builder.ptrtoint(data, offsets.type.element)))
    places = builder.inttoptr(places, llvm.VectorType(data.type, LANES))
    every = llvm.Constant(llvm.VectorType(llvm.IntType(1), LANES), [1] * LANES)
    whole = llvm.VectorType(number, LANES)
    if value is None:
        return masked(builder, "gather", whole, [places, INDEX(1), every, llvm.Constant(whole, llvm.Undefined)])
    return masked(builder, "scatter", whole, [value, places, INDEX(1), every])


def masked(builder: Any, name: str, whole: Any, given: list[Any]) -> Any:
    """Emit a load or store of lanes, some of which may be left out."""
    places = f"v{LANES}p0" if name in ("gather", "scatter") else "p0"
    form = llvm.FunctionType(whole if name in ("gather", "load") else llvm.VoidType(), [x.type for x in given])
    full = f"llvm.masked.{name}.{spelt(whole)}.{places}"
    return builder.call(cgutils.get_or_insert_function(builder.module, form, full), given)


def place(context: Any, builder: Any, kind: Any, row: Any, j: Any) -> Any:
    """Emit a pointer to the lanes at `j` of a row."""
    data = cgutils.create_struct_proxy(kind)(context, builder, row).data
    return builder.gep(data, [builder.mul(j, j.type(LANES))])


def own_places(context: Any, builder: Any, kind: Any, row: Any, indices: Any) -> tuple[Any, Any]:
    """Emit a pointer to the numbers of a row or an array, and how many bytes from it each lane's own number is."""
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


# What a kernel does with its rows


@infer_getattr
class LaneRowAttributes(AttributeTemplate):
    """What a row of lanes has: a size."""

    key = LaneRow

    def resolve_size(self, _: LaneRow) -> Any:
        """How many lanes."""
        return types.intp


@kernel_operation(len)
class OwnLength(AbstractTemplate):
    """The length of a row of ours."""

    def generic(self, args: Any, _: Any) -> Any:
        """Its type."""
        return signature(types.intp, *args) if isinstance(args[0], OwnRow) else None


@kernel_operation(operator.getitem)
class ReadLanes(AbstractTemplate):
    """Of a row of lanes those at an index; of a row of lanes, or of numbers, in each lane the number at its own."""

    def generic(self, args: Any, _: Any) -> Any:
        """Its type."""
        row, j = args
        if isinstance(j, Lanes) and isinstance(j.dtype, types.Integer):
            if isinstance(row, LaneRow) or (isinstance(row, types.Array) and row.ndim == 1):
                return signature(Lanes(row.dtype), row, j)
        elif isinstance(row, LaneRow) and isinstance(j, types.Integer):
            return signature(Lanes(row.dtype), row, types.intp)
        return None


@kernel_operation(operator.setitem)
class WriteLanes(AbstractTemplate):
    """The same of a row of lanes for storing."""

    def generic(self, args: Any, _: Any) -> Any:
        """Its type."""
        row, j, value = args
        if not (isinstance(row, LaneRow) and is_number(value)):
            return None
        own = isinstance(j, Lanes) and isinstance(j.dtype, types.Integer)
        index = j if own else types.intp
        return signature(types.none, row, index, Lanes(row.dtype)) if own or isinstance(j, types.Integer) else None


@lower_builtin(len, LaneRow)
def _length(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return _size(context, builder, form.args[0], *arguments)


@lower_getattr(LaneRow, "size")
def _size(context: Any, builder: Any, kind: Any, row: Any) -> Any:
    return cgutils.create_struct_proxy(kind)(context, builder, row).size


@lower_builtin(operator.getitem, LaneRow, types.intp)
def _read(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return load(builder, place(context, builder, form.args[0], *arguments))


@lower_builtin(operator.getitem, LaneRow, Lanes)
@lower_builtin(operator.getitem, types.Array, Lanes)
def _read_own(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return by_lane(builder, *own_places(context, builder, form.args[0], *arguments))


@lower_builtin(operator.setitem, LaneRow, types.intp, Lanes)
def _write(context: Any, builder: Any, form: Any, arguments: Any) -> None:
    row, j, value = arguments
    store(builder, value, place(context, builder, form.args[0], row, j))


@lower_builtin(operator.setitem, LaneRow, Lanes, Lanes)
def _write_own(context: Any, builder: Any, form: Any, arguments: Any) -> None:
    row, indices, value = arguments
    by_lane(builder, *own_places(context, builder, form.args[0], row, indices), value)
