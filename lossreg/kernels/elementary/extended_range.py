"""Numbers as a mantissa and an exponent, without limits on the exponent: exp_frexp, logb and exp2 for compiled code.

Products and sums of such numbers neither overflow nor underflow, and take a tenth of the time of sums of logarithms.
Like the polynomials these functions are branch-free.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.elementary.float_formats import bits, cast_like, fma, from_bits, horner
from lossreg.kernels.numerics.stable import ZERO_EXPONENT

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.kernels.elementary.float_formats import Format


def make_exp_frexp(f: Format) -> Callable[[Any], tuple[Any, Any]]:
    """(e^r, k) with k the nearest integer to x / log(2); (1, x / log(2)) where x is too large for a fraction."""
    coefficients, log2e, shift, high, low = f.exp, f.log2e, f.round, f.ln2_high, f.ln2_low
    zero, one, nothing, long = f.zero, f.one, f.real(ZERO_EXPONENT), f.real(2.0 ** (int(f.mantissa) - 2))

    def exp_frexp(x: Any) -> tuple[Any, Any]:
        far = abs(x) > long
        near = zero if far else x
        count = fma(near, log2e, shift) - shift
        r = fma(count, -low, fma(count, -high, near))
        growth = one + fma(r * r, horner(r, coefficients), r)
        power = x * log2e if far else count
        vanishes = power < nothing
        return zero if vanishes else growth, nothing if vanishes else power

    return exp_frexp


def make_logb(f: Format) -> Callable[[Any], Any]:
    """The bits of the exponent, converted to a float by adding a constant with the same exponent bits."""
    mantissa, shift, shift_bits, field, bias = f.mantissa, f.round, f.round_bits, f.inf_bits, f.real(f.bias)

    def logb(x: Any) -> Any:
        exponent = cast_like(cast_like(bits(x) & field, mantissa) >> mantissa, mantissa)
        return from_bits(cast_like(exponent + shift_bits, mantissa)) - shift - bias

    return logb


def make_exp2(f: Format) -> Callable[[Any], Any]:
    """The exponent bits of 2^k; 0 below the normal numbers."""
    mantissa, shift, shift_bits, bias = f.mantissa, f.round, f.round_bits, f.bias
    lowest, highest = f.real(-f.bias), f.real(f.bias + 1)

    def exp2(k: Any) -> Any:
        bounded = lowest if k < lowest else k
        bounded = highest if bounded > highest else bounded
        power = from_bits(cast_like((bits(bounded + shift) - shift_bits + bias) << mantissa, mantissa))
        return power if k == k else k  # nan stays nan

    return exp2
