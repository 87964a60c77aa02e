"""Lifted exponentials and products for compiled code: lossreg.kernels.numerics.lifted without subnormal operands."""

from __future__ import annotations

import math
from math import copysign
from typing import TYPE_CHECKING, Any

from numba import types

from lossreg.kernels.elementary.float_formats import bits, cast_like, fma, from_bits, horner, number
from lossreg.kernels.elementary.polynomials import COMPILED, FORMATS, compiles
from lossreg.kernels.numerics import lifted

if TYPE_CHECKING:
    from collections.abc import Callable


def make_lift(width: int) -> Callable[[Any], Any]:
    """The constant of the float type."""
    power = FORMATS[width].real(lifted.lift(FORMATS[width].one))
    return lambda like: power


def make_lifted_exp(width: int) -> Callable[[Any], Any]:
    """2^(k + lift) e^r with k the nearest integer to x / log(2): one power of 2, as no result is subnormal."""
    f = FORMATS[width]
    mantissa, bias, coefficients, zero, one = f.mantissa, f.bias, f.exp, f.zero, f.one
    log2e, shift, shift_bits, high, low = f.log2e, f.round, f.round_bits, f.ln2_high, f.ln2_low
    lifted_bias = f.integer(bias + (int(bias) + 1) // 2)
    lowest = f.real(-(int(lifted_bias) - 2) * math.log(2))

    def lifted_exp(x: Any) -> Any:
        vanishes = x < lowest
        bounded = zero if vanishes else x
        shifted = fma(bounded, log2e, shift)
        count = shifted - shift
        r = fma(count, -low, fma(count, -high, bounded))
        growth = one + fma(r * r, horner(r, coefficients), r)
        k = cast_like(bits(shifted) - shift_bits, mantissa)
        power = from_bits(cast_like((k + lifted_bias) << mantissa, mantissa))
        return zero if vanishes else growth * power

    return lifted_exp


def make_lowered(width: int) -> Callable[[Any, Any], Any]:
    """A subnormal result is made of bits: what adding the lifted result to `normal` adds to the bits of that."""
    f = FORMATS[width]
    lift = lifted.lift(f.one)
    lower, one, zero = f.one / lift, f.one, f.zero
    # The smallest normal number, lifted: its last bit is the smallest subnormal number, lifted.
    normal, least = f.tiny * lift, f.real(4) * f.tiny
    normal_bits = normal.view(f.integer)

    def lowered(x: Any, y: Any) -> Any:
        factor = abs(y)
        # Each of the three results is computed of numbers within its range: of others it would be subnormal, which
        # takes long even where it is not chosen. Products that lowering makes 0 would be subnormal even lifted.
        below = one if x > one else x
        product = (zero if below < least / factor else below) * factor
        low, high = (normal, product) if product > normal else (product, normal)
        above = one if x < one else x  # lets nan pass
        small = from_bits(cast_like(bits(low + normal) - normal_bits, normal_bits))
        return copysign((small if product < normal else high * lower) if x < one else above * lower * factor, y)

    return lowered


LIFTS = {width: make_lift(width) for width in FORMATS}
EXPONENTIALS = {width: make_lifted_exp(width) for width in FORMATS}
PRODUCTS = {width: make_lowered(width) for width in FORMATS}


@compiles(lifted.lift)
def _lift(like: Any) -> Any:
    """The implementation for the float type of the argument."""
    return LIFTS[number(like).bitwidth] if isinstance(number(like), types.Float) else None


@compiles(lifted.lifted_exp)
def _lifted_exp(x: Any) -> Any:
    """The implementation for the float type of the argument."""
    return EXPONENTIALS[number(x).bitwidth] if isinstance(number(x), types.Float) else None


@compiles(lifted.lowered)
def _lowered(x: Any, y: Any) -> Any:
    """The implementation for the float type of the arguments."""
    return PRODUCTS[number(x).bitwidth] if isinstance(number(x), types.Float) else None


lowered_product = COMPILED[lifted.lowered]
