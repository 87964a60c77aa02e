"""The larger and the smaller of two numbers, and the largest of a row, for compiled code: LLVM vectorizes such loops.

The comparisons and selects of the plain functions do not vectorize there, because they let nan through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.numba_api import cgutils, llvm, signature
from lossreg.kernels.elementary.float_formats import bits, cast_like, from_bits, number
from lossreg.kernels.elementary.polynomials import FORMATS, compiles
from lossreg.kernels.numerics import special, stable

if TYPE_CHECKING:
    from collections.abc import Callable


def of_two(name: str) -> Callable[..., Any]:
    """One of LLVM's functions of two floats, as an intrinsic."""

    @intrinsic
    def extreme(_: Any, x: Any, y: Any) -> Any:
        kind = max(x, y, key=lambda kind: kind.bitwidth)

        def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
            real = context.get_value_type(kind)
            function = llvm.FunctionType(real, [real, real])
            full_name = f"llvm.{name}.f{kind.bitwidth}"
            declared = cgutils.get_or_insert_function(builder.module, function, full_name)
            return builder.call(declared, arguments, fastmath=("nsz",))

        return signature(kind, kind, kind), generate

    return extreme


maximum, minimum = of_two("maximum"), of_two("minimum")


@compiles(special.larger)
def _larger(x: Any, y: Any) -> Any:
    """The instruction for two floats; the plain function for lanes."""
    floats = isinstance(x, types.Float) and isinstance(y, types.Float)
    return (lambda x, y: maximum(x, y)) if floats else special.larger  # noqa: PLW0108  numba overloads with a function


@compiles(special.smaller)
def _smaller(x: Any, y: Any) -> Any:
    """The instruction for two floats; the plain function for lanes."""
    floats = isinstance(x, types.Float) and isinstance(y, types.Float)
    return (lambda x, y: minimum(x, y)) if floats else special.smaller  # noqa: PLW0108  as above


@compiles(stable.largest)
def _largest(row: Any) -> Any:
    """The largest number by comparing bits as integers, which vectorizes; a comparison that propagates nan does not."""
    width = number(row.dtype).bitwidth
    integer, magnitude = FORMATS[width].integer, FORMATS[width].magnitude
    sign_bit, lowest = integer(width - 1), integer(-magnitude - 1)

    def largest(row: Any) -> Any:
        found = lowest
        for j in range(row.size):
            pattern = bits(row[j])
            ordered = cast_like(pattern ^ ((pattern >> sign_bit) & magnitude), magnitude)
            found = ordered if ordered > found else found
        return from_bits(cast_like(found ^ ((found >> sign_bit) & magnitude), magnitude))

    return largest
