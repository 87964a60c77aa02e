"""Float formats as polynomials need them: their constants, their bits, and a multiply and an add in one.

The functions are intrinsics: one that has to be compiled takes 40 ms more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from llvmlite.binding import get_host_cpu_features
from numba.core import cgutils, types
from numba.core.imputils import impl_ret_new_ref
from numba.core.typing import signature
from numba.extending import intrinsic
from numba.np.arrayobj import make_array, populate_array

from lossreg.kernels.inner import PartCompiler

# Nothing may be rearranged, not even a multiply and an add fused into one instruction: whether the compiler does that
# depends on what else is computed, and a value is to have the same bits with a gradient and without. A division by 0 is
# inf or nan: checking for it takes a branch, and with it the vector instructions.
EXACT = {"fastmath": False, "error_model": "numpy"}
FUSED = get_host_cpu_features().get("fma", False)

# What only compiled code calls needs no wrappers for other callers, which take a tenth of the time to compile, and has
# to be inlined for a loop around it to vectorise: left to itself the compiler does not inline log1p(exp(x)).
INNER = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "forceinline": True,
    "pipeline_class": PartCompiler,
}


def multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Emit x * y + z, rounded once where the processor can."""
    return builder.fma(x, y, z) if FUSED else builder.fadd(builder.fmul(x, y), z)


@intrinsic
def fused(_: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once where the processor can."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return multiply_add(builder, *arguments)

    return signature(x, x, x, x), generate


@intrinsic
def horner(_: Any, x: Any, coefficients: Any) -> Any:
    """c0 + x (c1 + x (c2 + ...))."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        number, packed = arguments
        *rest, result = (builder.extract_value(packed, at) for at in range(len(coefficients)))
        for coefficient in reversed(rest):
            result = multiply_add(builder, result, number, coefficient)
        return result

    return signature(x, x, coefficients), generate


@intrinsic
def bits(_: Any, x: Any) -> Any:
    """The bits of a float, as an integer of the same width."""
    integer = types.Integer.from_bitwidth(x.bitwidth, signed=True)

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(integer))

    return signature(integer, x), generate


@intrinsic
def from_bits(_: Any, x: Any) -> Any:
    """The float that an integer of the same width is the bits of."""
    real = types.float32 if x.bitwidth == FLOAT else types.float64

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(real))

    return signature(real, x), generate


@intrinsic
def room(_: Any, row: Any) -> Any:
    """Room for a row like another: numpy's empty_like takes 60 ms to compile."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        given, made = make_array(row)(context, builder, arguments[0]), make_array(row)(context, builder)
        shape = cgutils.unpack_tuple(builder, given.shape)
        memory = context.nrt.meminfo_alloc(builder, builder.mul(shape[0], given.itemsize))
        populate_array(
            made,
            data=builder.bitcast(context.nrt.meminfo_data(builder, memory), given.data.type),
            shape=shape,
            strides=[given.itemsize],
            itemsize=given.itemsize,
            meminfo=memory,
        )
        return impl_ret_new_ref(context, builder, row, made._getvalue())  # noqa: SLF001  numba's own way

    return signature(row, row), generate


FLOAT = 32
Fit = tuple[float, ...]


class Format:
    """A float format: what its polynomials need to know of it, as constants of that format."""

    def __init__(self, real: Any, integer: Any, exp: Fit, log: Fit, stirling: tuple[Fit, ...]) -> None:
        info = np.finfo(real)
        self.real, self.integer, self.mantissa = real, integer, integer(info.nmant)
        self.exp, self.log = tuple(map(real, exp)), tuple(map(real, log))
        self.stirling = tuple(tuple(map(real, coefficients)) for coefficients in stirling)
        self.bias = integer(info.maxexp - 1)
        self.log2e, self.one, self.half, self.two = real(math.log2(math.e)), real(1), real(0.5), real(2)
        # log(2) in two parts: the upper one short enough that its product with any exponent is exact.
        steps = 2.0 ** (info.nmant - 12)
        self.ln2_high = real(math.floor(math.log(2) * steps) / steps)
        self.ln2_low = real(LN2_TAIL + (math.log(2) - float(self.ln2_high)))
        # Adding this number rounds to an integer, which then stands in the low bits.
        self.round = real(1.5 * 2.0**info.nmant)
        self.round_bits = self.round.view(integer)
        # Where e^x has long become 0 or inf.
        self.lowest = real(-(info.nmant + info.maxexp + 8) * math.log(2))
        self.highest = real((info.maxexp + 8) * math.log(2))
        # Beyond this the 1 in e^x - 1 is less than a rounding error.
        self.counts = real((info.nmant + 4) * math.log(2))
        self.inf, self.nan, self.zero = real(math.inf), real(math.nan), real(0)
        self.tiny, self.lift = real(info.tiny), real(2.0 ** (info.nmant + 2))
        self.lifted = integer(info.nmant + 2)
        self.magnitude = integer(np.iinfo(integer).max)
        self.sqrt_half_bits = real(math.sqrt(0.5)).view(integer)


LN2_TAIL = 2.3190468138462996e-17  # log(2) less its nearest float64
