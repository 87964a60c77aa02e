"""Rows in which every element is the same number: the type of a parameter by row that is given as one number.

A kernel can index such a parameter as it indexes a row.
"""

from __future__ import annotations

import operator
from typing import Any

from numba import types
from numba.extending import intrinsic, lower_builtin, models, register_model

from lossreg.kernels.compiler.numba_api import AbstractTemplate, Tuple, impl_ret_borrowed, signature
from lossreg.kernels.compiler.options import is_stock
from lossreg.kernels.compiler.type_inference import kernel_operation
from lossreg.kernels.simd.vectors import Lanes


class ConstantRow(types.Type):
    """A row of equal numbers, represented by the number."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(f"ConstantRow({dtype})")


@register_model(ConstantRow)
class ConstantRowModel(models.PrimitiveModel):
    """The data model: that of the number."""

    def __init__(self, manager: Any, kind: ConstantRow) -> None:
        super().__init__(manager, kind, manager[kind.dtype].get_value_type())


@kernel_operation(operator.getitem)
class ReadConstant(AbstractTemplate):
    """row[j], which is the number for any index or lanes of indices."""

    def generic(self, args: Any, _: Any) -> Any:
        """The signature for these arguments, or None."""
        row, index = args
        fits = isinstance(row, ConstantRow) and isinstance(index, types.Integer | Lanes)
        return signature(row.dtype, row, index) if fits else None


@lower_builtin(operator.getitem, ConstantRow, types.Any)
def _read(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    return arguments[0]


def row_parameter(kind: Any, by_row: bool) -> Any:
    """The type of a parameter in the kernel's signature, given its type in the loop's.

    numba's own pipeline does not have ConstantRow; there the parameter is a row in memory.
    """
    if not (by_row and isinstance(kind, types.Float)):
        return kind
    return types.Array(kind, 1, "C") if is_stock() else ConstantRow(kind)


@intrinsic(prefer_literal=True)
def row_parameters(_: Any, parameters: Any, by_row: Any) -> Any:
    """Convert parameters for the kernel; `by_row` is a constant tuple of flags for those that are rows."""
    found = [row_parameter(kind, flag.literal_value) for kind, flag in zip(parameters, by_row, strict=True)]

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        members = [builder.extract_value(arguments[0], at) for at in range(len(found))]
        made = context.make_tuple(builder, form.return_type, members)
        return impl_ret_borrowed(context, builder, form.return_type, made)

    return signature(Tuple(found), parameters, by_row), generate
