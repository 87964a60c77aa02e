"""Rows that a loop reads and writes where they are, in any float type and with any distance between their numbers.

A kernel that reads a few numbers of each row, such as the one at its label, would pay for the conversion of all others.
A float16 or bfloat16 number is converted when the kernel reads it, and rounded when it stores it.
"""

from __future__ import annotations

import operator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from numba import types
from numba.extending import NativeValue, lower_builtin, models, register_model, unbox

from lossreg.kernels.compiler.borrowed_arrays import DATA, LENGTHS, STEPS, load_field
from lossreg.kernels.compiler.intrinsics import KernelRow, RowArray, unheld
from lossreg.kernels.compiler.numba_api import (
    CPointer,
    cgutils,
    compute_cfg_from_blocks,
    ir,
    make_array,
    make_struct,
    run_frontend,
)
from lossreg.kernels.loops.scaled_slopes import only_stores
from lossreg.kernels.simd.short_formats import NARROWED, WIDENED

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.signature import Form
    from lossreg.kernels.loops.row_layout import RowLayout


class ShortRow(KernelRow):
    """A row of float16 or bfloat16 numbers, which a kernel reads and stores as float32."""

    def __init__(self, stored: str) -> None:
        self.stored, self.dtype = stored, types.float32
        super().__init__(f"ShortRow({stored})")


@register_model(ShortRow)
class ShortRowModel(models.StructModel):
    """The address of the first number, the number of numbers, and the bytes between two."""

    def __init__(self, manager: Any, kind: ShortRow) -> None:
        super().__init__(manager, kind, [("data", CPointer(types.uint16)), ("size", types.intp), ("step", types.intp)])


class RowsInPlace(RowArray):
    """An array of three axes, the first two of which number its rows."""

    def __init__(self, rows: RowLayout) -> None:
        self.rows = rows
        short = rows.stored in WIDENED
        number = types.uint16 if short else getattr(types, rows.stored)
        self.row = ShortRow(rows.stored) if short else types.Array(number, 1, "C" if rows.adjacent else "A")
        super().__init__(number, 3, "A", name=f"RowsInPlace({rows})")

    @property
    def key(self) -> Any:
        """What makes two of these types equal."""
        return self.rows

    def row_at(self, context: Any, builder: Any, array: Any, index: Any) -> Any:
        """Emit a row: the outer and the inner index are the quotient and the remainder of its index."""
        rows = make_array(self)(context, builder, array)
        _, inner, width = cgutils.unpack_tuple(builder, rows.shape)
        far, near, step = cgutils.unpack_tuple(builder, rows.strides)
        if self.rows.adjacent:
            step = step.type(context.get_abi_sizeof(rows.data.type.pointee))
        offset = builder.mul(index, far)
        if self.rows.nested:
            outer = builder.udiv(index, inner)
            rest = builder.sub(index, builder.mul(outer, inner))
            offset = builder.add(builder.mul(outer, far), builder.mul(rest, near))
        data = cgutils.pointer_add(builder, rows.data, offset)
        if isinstance(self.row, ShortRow):
            return make_struct(context, builder, self.row, data=data, size=width, step=step)
        return unheld(context, builder, self.row, data, [width], [step])


register_model(RowsInPlace)(models.ArrayModel)


@unbox(RowsInPlace)
def _borrow(kind: Any, given: Any, c: Any) -> Any:
    """Read the memory, the lengths and the steps of an array of numpy that has three axes."""
    builder, word = c.builder, c.context.get_value_type(types.intp)
    data = load_field(builder, given, DATA, c.context.get_data_type(kind.dtype).as_pointer())
    lengths, steps = (load_field(builder, given, field, word.as_pointer()) for field in (LENGTHS, STEPS))
    lengths, steps = ([builder.load(builder.gep(x, [word(axis)])) for axis in range(3)] for x in (lengths, steps))
    count = builder.mul(lengths[0], lengths[1])
    return NativeValue(unheld(c.context, builder, kind, data, [count, *lengths[1:]], steps))


@lower_builtin(len, ShortRow)
def _length(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return cgutils.create_struct_proxy(form.args[0])(context, builder, arguments[0]).size


def place(context: Any, builder: Any, kind: ShortRow, row: Any, j: Any) -> Any:
    """The pointer to a number of a row."""
    fields = cgutils.create_struct_proxy(kind)(context, builder, row)
    return cgutils.pointer_add(builder, fields.data, builder.mul(j, fields.step))


@lower_builtin(operator.getitem, ShortRow, types.intp)
def _read(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    kind = form.args[0]
    return WIDENED[kind.stored](builder, builder.load(place(context, builder, kind, *arguments)))


@lower_builtin(operator.setitem, ShortRow, types.intp, types.Float)
def _write(context: Any, builder: Any, form: Any, arguments: Any) -> None:
    kind = form.args[0]
    row, j, x = arguments
    builder.store(NARROWED[kind.stored](builder, x), place(context, builder, kind, row, j))


@lru_cache(1024)
def reads_few(form: Form) -> bool:
    """Whether a kernel by row reads its rows at a few places, and only stores its slopes.

    Not those whose rows have a fixed length, which are computed several rows at a time.
    """
    names = [entry.name for entry in form.inputs if entry.axis is not None]
    fixed = any(entry.width.isdecimal() or entry.domain.bounded for entry in form.inputs if entry.axis is not None)
    return (
        form.by_row and not fixed and only_stores(form.kernel, form.slope_rows) and reads_at_places(form.kernel, names)
    )


def reads_at_places(function: Callable[..., Any], names: list[str]) -> bool:
    """Whether a function reads these arguments outside of its loops only, one number at a time."""
    blocks = run_frontend(function).blocks
    repeated = {block for loop in compute_cfg_from_blocks(blocks).loops().values() for block in loop.body}
    for label, block in blocks.items():
        for step in block.body:
            used = {variable.name for variable in step.list_vars()} & set(names)
            value = step.value if isinstance(step, ir.Assign) else None
            defines = isinstance(value, ir.Arg) or isinstance(step, ir.Del)
            item = isinstance(value, ir.Expr) and value.op in ("getitem", "static_getitem")
            if used and not defines and (label in repeated or not item):
                return False
    return True
