"""float16 and bfloat16 in compiled code: the bits of a number, or of each lane, to float32, and back.

Numbers are rounded to the nearest, ties to even, as numpy and ml_dtypes round. The arithmetic is that of integers,
which takes the same time for subnormal numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import types
from numba.extending import intrinsic

from lossreg.kernels.compiler.numba_api import llvm, signature

if TYPE_CHECKING:
    from collections.abc import Callable

FLOAT, WORD, SHORT = llvm.FloatType(), llvm.IntType(32), llvm.IntType(16)


def of_shape(kind: Any, x: Any) -> Any:
    """The type of as many numbers of a kind as x has lanes, or of a single one."""
    return llvm.VectorType(kind, x.type.count) if isinstance(x.type, llvm.VectorType) else kind


def constant(x: Any, number: float) -> Any:
    """A number of the type of x, in each of its lanes."""
    return llvm.Constant(x.type, [number] * x.type.count if isinstance(x.type, llvm.VectorType) else number)


def widened_float16(builder: Any, given: Any) -> Any:
    """Emit the float32 of the bits of a float16."""
    given = builder.zext(given, of_shape(WORD, given))
    magnitude = builder.and_(given, constant(given, 0x7FFF))
    special = builder.icmp_signed(">=", magnitude, constant(given, 0x7C00))
    bias = builder.select(special, constant(given, 0x70000000), constant(given, 0x38000000))
    ordinary = builder.add(builder.shl(magnitude, constant(given, 13)), bias)
    small = builder.sitofp(magnitude, of_shape(FLOAT, given))
    small = builder.bitcast(builder.fmul(small, constant(small, 2.0**-24)), given.type)
    size = builder.select(builder.icmp_signed(">=", magnitude, constant(given, 0x400)), ordinary, small)
    sign = builder.shl(builder.and_(given, constant(given, 0x8000)), constant(given, 16))
    return builder.bitcast(builder.or_(size, sign), of_shape(FLOAT, given))


def widened_bfloat16(builder: Any, given: Any) -> Any:
    """Emit the float32 of the bits of a bfloat16."""
    given = builder.zext(given, of_shape(WORD, given))
    return builder.bitcast(builder.shl(given, constant(given, 16)), of_shape(FLOAT, given))


def narrowed_float16(builder: Any, x: Any) -> Any:
    """Emit the bits of the float16 that is nearest to a float32."""
    given = builder.bitcast(x, of_shape(WORD, x))
    magnitude = builder.and_(given, constant(given, 0x7FFFFFFF))
    rounded = rounded_off(builder, builder.sub(magnitude, constant(given, 0x38000000)), magnitude, 13)
    # Adding 1/2 rounds to a multiple of 2^-24, of which a subnormal number is a few.
    tiny = builder.icmp_signed("<", magnitude, constant(given, 0x33000000))
    size = builder.select(tiny, constant(x, 0.0), builder.bitcast(magnitude, x.type))
    small = builder.bitcast(builder.fadd(size, constant(x, 0.5)), given.type)
    small = builder.sub(small, constant(given, 0x3F000000))
    found = builder.select(builder.icmp_signed(">=", magnitude, constant(given, 0x38800000)), rounded, small)
    infinite = builder.icmp_signed(">=", magnitude, constant(given, 0x477FF000))
    found = builder.select(infinite, constant(given, 0x7C00), found)
    return with_sign(builder, found, given, magnitude, 0x7E00)


def narrowed_bfloat16(builder: Any, x: Any) -> Any:
    """Emit the bits of the bfloat16 that is nearest to a float32."""
    given = builder.bitcast(x, of_shape(WORD, x))
    magnitude = builder.and_(given, constant(given, 0x7FFFFFFF))
    return with_sign(builder, rounded_off(builder, magnitude, magnitude, 16), given, magnitude, 0x7FC0)


def rounded_off(builder: Any, pattern: Any, magnitude: Any, count: int) -> Any:
    """Emit a shift of a bit pattern to the right that rounds to the nearest, and ties to an even last bit."""
    odd = builder.and_(builder.lshr(magnitude, constant(magnitude, count)), constant(magnitude, 1))
    raised = builder.add(builder.add(pattern, constant(magnitude, (1 << count - 1) - 1)), odd)
    return builder.ashr(raised, constant(magnitude, count))


def with_sign(builder: Any, found: Any, given: Any, magnitude: Any, nan: int) -> Any:
    """Emit the 16 bits of a magnitude with the sign of a float32, or nan if that is nan."""
    number = builder.icmp_signed("<=", magnitude, constant(given, 0x7F800000))
    found = builder.select(number, found, constant(given, nan))
    sign = builder.and_(builder.lshr(given, constant(given, 16)), constant(given, 0x8000))
    return builder.trunc(builder.or_(found, sign), of_shape(SHORT, given))


WIDENED = {"float16": widened_float16, "bfloat16": widened_bfloat16}
NARROWED = {"float16": narrowed_float16, "bfloat16": narrowed_bfloat16}
"""By the name of a type: what emits its conversion to float32, and from it."""


def conversion(emit: Callable[[Any, Any], Any], source: Any, target: Any) -> Any:
    """The function that converts one number in compiled code."""

    @intrinsic
    def convert(_: Any, x: Any) -> Any:
        return signature(target, source), lambda context, builder, form, arguments: emit(builder, *arguments)

    return convert


WIDEN = {name: conversion(emit, types.uint16, types.float32) for name, emit in WIDENED.items()}
NARROW = {name: conversion(emit, types.float32, types.uint16) for name, emit in NARROWED.items()}
"""The same as functions of one number, for compiled code to call."""
