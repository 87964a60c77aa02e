"""Float formats: constants of float32 and float64 for polynomials, access to bits, and fused multiply-add.

The functions are intrinsics, because each compiled function would take 40 ms more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.numba_api import cgutils, get_host_cpu_features, llvm, signature, unliteral
from lossreg.kernels.numerics.stable import LN2_TAIL
from lossreg.kernels.simd.vectors import Lanes, call, spelt

FUSED = get_host_cpu_features().get("fma", False)


def multiply_add(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Emit x * y + z, fused if the processor has the instruction."""
    return fused(builder, x, y, z) if FUSED else builder.fadd(builder.fmul(x, y), z)


def fused(builder: Any, x: Any, y: Any, z: Any) -> Any:
    """Emit x * y + z, rounded once."""
    return call(builder, "fma", x, y, z) if isinstance(x.type, llvm.VectorType) else builder.fma(x, y, z)


@intrinsic
def fma(_: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, fused if the processor has the instruction."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return multiply_add(builder, *arguments)

    kind = with_lanes(x, y, z)
    return signature(kind, kind, kind, kind), generate


@intrinsic
def exact_fma(_: Any, x: Any, y: Any, z: Any) -> Any:
    """x * y + z, rounded once on every processor: with z = -x y it is the rounding error of the product."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return fused(builder, *arguments)

    kind = with_lanes(x, y, z)
    return signature(kind, kind, kind, kind), generate


@intrinsic
def horner(_: Any, x: Any, coefficients: Any) -> Any:
    """c0 + x (c1 + x (c2 + ...))."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        number, packed = arguments
        *rest, result = (
            context.cast(builder, builder.extract_value(packed, at), kind, x) for at, kind in enumerate(coefficients)
        )
        for coefficient in reversed(rest):
            result = multiply_add(builder, result, number, coefficient)
        return result

    return signature(x, x, coefficients), generate


@intrinsic
def bits(_: Any, x: Any) -> Any:
    """The bits of a float, as an integer of the same width."""
    integer = types.Integer.from_bitwidth(number(x).bitwidth, signed=True)
    return signature(like(x, integer), x), reinterpret


@intrinsic
def magnitude_bits(_: Any, x: Any) -> Any:
    """The bits of the absolute value of a float, as an integer of the same width; their order is that of the values."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        given = builder.bitcast(arguments[0], context.get_value_type(form.return_type))
        return builder.and_(given, given.type((1 << given.type.width - 1) - 1))

    return signature(types.Integer.from_bitwidth(x.bitwidth, signed=True), x), generate


@intrinsic
def from_bits(_: Any, x: Any) -> Any:
    """The float whose bits are an integer of the same width."""
    real = types.float32 if number(x).bitwidth == FLOAT else types.float64
    return signature(like(x, real), x), reinterpret


@intrinsic
def cast_like(_: Any, x: Any, of: Any) -> Any:
    """Cast x to the type of `of`: numba infers wider types for results of integer operations."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], x, form.return_type)

    return signature(like(x, unliteral(number(of))), x, of), generate


@intrinsic
def as_float64(_: Any, x: Any) -> Any:
    """Cast a float, or lanes of floats, to float64."""

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], x, form.return_type)

    return signature(like(x, types.float64), x), generate


@intrinsic
def product_in_float64(_: Any, x: Any, y: Any) -> Any:
    """The product of two float32, or lanes of them, computed in float64 and rounded: the bits are those in float32.

    The fence keeps LLVM, which knows that, from multiplying in float32.
    """

    def generate(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
        wide = context.get_value_type(like(form.return_type, types.float64))
        product = builder.fmul(*(builder.fpext(each, wide) for each in arguments))
        name = f"llvm.arithmetic.fence.{spelt(wide) if isinstance(wide, llvm.VectorType) else 'f64'}"
        fence = cgutils.get_or_insert_function(builder.module, llvm.FunctionType(wide, [wide]), name)
        return builder.fptrunc(builder.call(fence, [product]), arguments[0].type)

    kind = with_lanes(x, y)
    return signature(kind, kind, kind), generate


def reinterpret(context: Any, builder: Any, form: Any, arguments: Any) -> Any:
    """Emit a bit cast to the return type."""
    return builder.bitcast(arguments[0], context.get_value_type(form.return_type))


def number(kind: Any) -> Any:
    """The scalar type of a number or of lanes."""
    return kind.dtype if isinstance(kind, Lanes) else kind


def like(kind: Any, other: Any) -> Any:
    """`other`, or lanes of it if `kind` is lanes."""
    return Lanes(other) if isinstance(kind, Lanes) else other


def with_lanes(*kinds: Any) -> Any:
    """The first of the types that is lanes, otherwise the first."""
    return next((kind for kind in kinds if isinstance(kind, Lanes)), kinds[0])


FLOAT = 32
Fit = tuple[float, ...]


class Format:
    """The constants of a float format that polynomials need, in that format."""

    def __init__(self, real: Any, integer: Any, exp: Fit, log: Fit, stirling: tuple[Fit, ...]) -> None:
        info = np.finfo(real)
        self.real, self.integer, self.mantissa = real, integer, integer(info.nmant)
        self.exp, self.log = tuple(map(real, exp)), tuple(map(real, log))
        self.stirling = tuple(tuple(map(real, coefficients)) for coefficients in stirling)
        self.bias = integer(info.maxexp - 1)
        self.log2e, self.one, self.half, self.two = real(math.log2(math.e)), real(1), real(0.5), real(2)
        # log(2) as a sum; the high part has so few bits that its product with any exponent is exact.
        steps = 2.0 ** (info.nmant - 12)
        self.ln2_high = real(math.floor(math.log(2) * steps) / steps)
        self.ln2_low = real(LN2_TAIL + (math.log(2) - float(self.ln2_high)))
        # Adding this number and subtracting it again makes 0 of what is too small to be seen beside 1.
        self.least = real(2.0 ** (-info.nmant - 17))
        # Adding this number rounds to an integer, which is then in the low bits.
        self.round = real(1.5 * 2.0**info.nmant)
        self.round_bits = self.round.view(integer)
        # The range outside of which e^x is 0 or inf.
        self.lowest = real(-(info.nmant + info.maxexp + 8) * math.log(2))
        self.highest = real((info.maxexp + 8) * math.log(2))
        # Above this the 1 in e^x - 1 is below the rounding error.
        self.expm1_limit = real((info.nmant + 4) * math.log(2))
        self.inf, self.nan, self.zero = real(math.inf), real(math.nan), real(0)
        self.tiny, self.lift = real(info.tiny), real(2.0 ** (info.nmant + 2))
        self.lifted = integer(info.nmant + 2)
        self.magnitude = integer(np.iinfo(integer).max)
        self.sqrt_half_bits = real(math.sqrt(0.5)).view(integer)
        self.inf_bits = self.inf.view(integer)
