"""Rows of slopes that multiply by a factor when a kernel stores to them, for kernels that never read their slopes.

The loop over rows has to multiply the slopes by the weight of the row and by 1 / N. As a second pass over the slopes
this is nearly half the time of nll. A kernel that only stores slopes gets rows of this type; others get plain arrays.
"""

from __future__ import annotations

import operator
from typing import Any

from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model

from lossreg.definition.second_derivative import nan_unless_finite
from lossreg.kernels.compiler.intrinsics import KernelRow
from lossreg.kernels.compiler.numba_api import (
    Tuple,
    cgutils,
    impl_ret_borrowed,
    ir,
    make_struct,
    run_frontend,
    signature,
)
from lossreg.kernels.elementary.lifted import lowered_product
from lossreg.kernels.elementary.polynomials import COMPILED, compiles
from lossreg.kernels.numerics import lifted
from lossreg.kernels.simd.vector_call import apply, resolved


def call_plainly(kernel: Any, point: Any, slopes: Any, parameters: Any, factor: Any) -> Any:
    """Call the kernel with plain arrays; return (value, factor). With numba's own passes: `call_filling_slopes`."""
    arguments = point + slopes + parameters
    return kernel(*arguments), factor


class ScaledRow(KernelRow):
    """A row of slopes with a factor for every number that is stored in it; only `nan_unless_finite` reads one."""

    def __init__(self, row: types.Array | KernelRow) -> None:
        self.row, self.dtype = row, row.dtype
        super().__init__(f"ScaledRow({row})")


@register_model(ScaledRow)
class ScaledRowModel(models.StructModel):
    """The data model: the row and the factor."""

    def __init__(self, manager: Any, kind: ScaledRow) -> None:
        super().__init__(manager, kind, [("row", kind.row), ("factor", kind.dtype)])


@intrinsic
def call_filling_slopes(typing: Any, kernel: Any, point: Any, slopes: Any, parameters: Any, factor: Any) -> Any:
    """Call the kernel; return its value, and the factor by which the loop still has to multiply the slopes."""
    code = kernel.dispatcher.py_func
    names = code.__code__.co_varnames[len(point) : len(point) + len(slopes)]
    rows = [ScaledRow(kind) if isinstance(kind, types.Array | KernelRow) else kind for kind in slopes]
    # A kernel that stores slices cannot be compiled for scaled rows either.
    form: Any = resolved(typing, kernel, (*point, *rows, *parameters)) if only_stores(code, names) else None
    is_scaled = form is not None
    if not is_scaled:
        rows, form = slopes, typing.resolve_function_type(kernel, (*point, *slopes, *parameters), {})
    found = Tuple([form.return_type, factor])

    def generate(context: Any, builder: Any, outer: Any, given: Any) -> Any:
        unpacked = [cgutils.unpack_tuple(builder, part) for part in given[1:4]]
        made = [
            make_struct(context, builder, kind, row=row, factor=given[4]) if isinstance(kind, ScaledRow) else row
            for kind, row in zip(rows, unpacked[1], strict=True)
        ]
        value = apply(context, builder, kernel, form, [*unpacked[0], *made, *unpacked[2]], form.return_type)
        remaining = context.get_constant(factor, 1) if is_scaled else given[4]
        return context.make_tuple(builder, found, [value, remaining])

    return signature(found, kernel, point, slopes, parameters, factor), generate


def only_stores(function: Any, names: tuple[str, ...]) -> bool:
    """Whether a function uses these arguments only to store items, take their length, or compare them with None.

    It may pass them on to functions that do the same, and to `nan_unless_finite`.
    """
    steps = [step for block in run_frontend(function).blocks.values() for step in block.body]
    outer = (ir.Global, ir.FreeVar)
    called = {x.target.name: x.value.value for x in steps if isinstance(x, ir.Assign) and isinstance(x.value, outer)}
    return not any(variables_read(step, called, names) & set(names) for step in steps)


def variables_read(step: Any, called: dict[str, Any], names: tuple[str, ...]) -> set[str]:
    """The variables whose content a statement may read; `called` are the functions that variables refer to."""
    if isinstance(step, ir.SetItem):
        return {step.index.name, step.value.name}
    if isinstance(step, ir.Del) or (isinstance(step, ir.Assign) and isinstance(step.value, ir.Arg)):
        return set()
    value = step.value if isinstance(step, ir.Assign) else None
    if isinstance(value, ir.Expr) and value.op == "binop" and value.fn in (operator.is_, operator.is_not):
        return set()
    if isinstance(value, ir.Expr) and value.op == "call":
        return arguments_read(value, called.get(value.func.name), names)
    return {variable.name for variable in step.list_vars()}


def arguments_read(call: Any, function: Any, names: tuple[str, ...]) -> set[str]:
    """The arguments of a call of a function whose content it may read, as far as they are among `names`."""
    code = getattr(function, "py_func", None)
    if function in (len, COMPILED[lifted.store_lowered]) or (code and code.__code__ is nan_unless_finite.__code__):
        return set()
    inner = code.__code__.co_varnames if code else [""] * len(call.args)
    given = [*zip(inner, call.args, strict=False), *call.kws]
    return {x.name for own, x in given if x.name in names and not (code and only_stores(code, (own,)))}


@lower_builtin(len, ScaledRow)
def _length(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    row = cgutils.create_struct_proxy(form.args[0])(context, builder, arguments[0]).row
    return context.get_function(len, signature(types.intp, form.args[0].row))(builder, [row])


@lower_builtin(operator.getitem, ScaledRow, types.intp)
def _read(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    kind: Any = form.args[0]
    row = cgutils.create_struct_proxy(kind)(context, builder, arguments[0]).row
    load = context.get_function(operator.getitem, signature(kind.dtype, kind.row, types.intp))
    return load(builder, [row, arguments[1]])


@lower_builtin(operator.setitem, ScaledRow, types.intp, types.Float)
def _write(context: Any, builder: Any, form: Any, arguments: Any) -> None:
    kind: Any = form.args[0]
    row, j, value = arguments
    given = cgutils.create_struct_proxy(kind)(context, builder, row)
    store = context.get_function(operator.setitem, signature(types.none, kind.row, types.intp, kind.dtype))
    # The flag replaces those of the kernel, whose sums may be reordered; this product may not.
    store(builder, [given.row, j, builder.fmul(value, given.factor, flags=("contract",))])


@intrinsic
def factor_of(_: Any, row: Any) -> Any:
    """The factor of a row of slopes: 1 of a plain one."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        if not isinstance(row, ScaledRow):
            return context.get_constant(row.dtype, 1)
        return cgutils.create_struct_proxy(row)(context, builder, arguments[0]).factor

    return signature(row.dtype, row), generate


@intrinsic
def row_of(_: Any, row: Any) -> Any:
    """The row without its factor."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        inside = arguments[0]
        if isinstance(row, ScaledRow):
            inside = cgutils.create_struct_proxy(row)(context, builder, inside).row
        return impl_ret_borrowed(context, builder, form.return_type, inside)

    return signature(row.row if isinstance(row, ScaledRow) else row, row), generate


@compiles(lifted.store_lowered)
def _store_lowered(out: Any, j: Any, x: Any, y: Any) -> Any:
    """Store the product with the factor of the row, which may make it a subnormal number, before it is lowered."""

    def store_lowered(out: Any, j: Any, x: Any, y: Any) -> None:
        row_of(out)[j] = lowered_product(x, y * factor_of(out))

    return store_lowered
