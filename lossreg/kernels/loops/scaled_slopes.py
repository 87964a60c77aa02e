"""Slopes that are multiplied as they are stored, for a kernel by row that never reads them back.

The loop over rows multiplies a row of slopes by its weight and by 1 / N: one more pass over them, which is nearly half
the time of nll. A kernel that only stores gets rows which do that; any other gets plain ones.
"""

from __future__ import annotations

import operator
from typing import Any

from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model

from lossreg.kernels.compiler.numba_api import (
    AbstractTemplate,
    Tuple,
    cgutils,
    ir,
    make_array,
    make_struct,
    run_frontend,
    signature,
)
from lossreg.kernels.compiler.type_inference import kernel_operation
from lossreg.kernels.simd.vector_call import apply, resolved
from lossreg.kernels.simd.vector_rows import OwnRow


def called(kernel: Any, point: Any, slopes: Any, parameters: Any, factor: Any) -> Any:
    """The value of the kernel and the factor: what `filled` gives, for numba's own compiler, which has no such rows."""
    arguments = point + slopes + parameters
    return kernel(*arguments), factor


class ScaledRow(OwnRow):
    """A row of slopes, and what every number is multiplied by that is stored to it."""

    def __init__(self, row: types.Array) -> None:
        self.row, self.dtype = row, row.dtype
        super().__init__(f"ScaledRow({row})")


@register_model(ScaledRow)
class ScaledRowModel(models.StructModel):
    """The row and the factor."""

    def __init__(self, manager: Any, kind: ScaledRow) -> None:
        super().__init__(manager, kind, [("row", kind.row), ("factor", kind.dtype)])


@intrinsic
def filled(typing: Any, kernel: Any, point: Any, slopes: Any, parameters: Any, factor: Any) -> Any:
    """Call the kernel; give its value, and what the slopes that it filled are still to be multiplied by."""
    code = kernel.dispatcher.py_func
    names = code.__code__.co_varnames[len(point) : len(point) + len(slopes)]
    rows = [ScaledRow(kind) if isinstance(kind, types.Array) else kind for kind in slopes]
    # What stores whole slices gets plain rows too.
    form: Any = resolved(typing, kernel, (*point, *rows, *parameters)) if only_stores(code, names) else None
    scaling = form is not None
    if not scaling:
        rows, form = slopes, typing.resolve_function_type(kernel, (*point, *slopes, *parameters), {})
    found = Tuple([form.return_type, factor])

    def generate(context: Any, builder: Any, outer: Any, given: Any) -> Any:
        unpacked = [cgutils.unpack_tuple(builder, part) for part in given[1:4]]
        made = [
            make_struct(context, builder, kind, row=row, factor=given[4]) if isinstance(kind, ScaledRow) else row
            for kind, row in zip(rows, unpacked[1], strict=True)
        ]
        value = apply(context, builder, kernel, form, [*unpacked[0], *made, *unpacked[2]], form.return_type)
        left = context.get_constant(factor, 1) if scaling else given[4]
        return context.make_tuple(builder, found, [value, left])

    return signature(found, kernel, point, slopes, parameters, factor), generate


def only_stores(function: Any, names: tuple[str, ...]) -> bool:
    """Whether a function does no more with some of its arguments than store to them, and ask if they are there."""
    steps = [step for block in run_frontend(function).blocks.values() for step in block.body]
    globals_ = [step for step in steps if isinstance(step, ir.Assign) and isinstance(step.value, ir.Global)]
    lengths = {step.target.name for step in globals_ if step.value.value is len}
    return not any(used(step, lengths) & set(names) for step in steps)


def used(step: Any, lengths: set[str]) -> set[str]:
    """The names that a step reads from, or hands on."""
    if isinstance(step, ir.SetItem):
        return {step.index.name, step.value.name}
    if isinstance(step, ir.Del) or (isinstance(step, ir.Assign) and isinstance(step.value, ir.Arg)):
        return set()
    value = step.value if isinstance(step, ir.Assign) else None
    if isinstance(value, ir.Expr) and value.op == "call" and value.func.name in lengths:
        return set()
    if isinstance(value, ir.Expr) and value.op == "binop" and value.fn in (operator.is_, operator.is_not):
        return set()
    return {each.name for each in step.list_vars()}


@kernel_operation(operator.setitem)
class WriteScaled(AbstractTemplate):
    """To store a number."""

    def generic(self, args: Any, _: Any) -> Any:
        """Its type."""
        row, j, _ = args
        fits = isinstance(row, ScaledRow) and isinstance(j, types.Integer)
        return signature(types.none, row, types.intp, row.dtype) if fits else None


@lower_builtin(len, ScaledRow)
def _length(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    row = cgutils.create_struct_proxy(form.args[0])(context, builder, arguments[0]).row
    return cgutils.unpack_tuple(builder, make_array(form.args[0].row)(context, builder, row).shape)[0]


@lower_builtin(operator.setitem, ScaledRow, types.intp, types.Float)
def _write(context: Any, builder: Any, form: Any, arguments: Any) -> None:
    kind: Any = form.args[0]
    row, j, value = arguments
    given = cgutils.create_struct_proxy(kind)(context, builder, row)
    store = context.get_function(operator.setitem, signature(types.none, kind.row, types.intp, kind.dtype))
    # With a flag of its own it is not reordered, as sums of the kernel may be.
    store(builder, [given.row, j, builder.fmul(value, given.factor, flags=("contract",))])
