"""Powers x^p of numbers of 0 or more for compiled code, branch-free and with an error of at most 1.5 ulps.

The error of e^(p log(x)) is that of p log(x), up to 745 roundings, unless the logarithm has more digits than the
result. For float32 it is computed in float64, which gives an error of 0.5 ulps. For float64 the logarithm is the sum of
a number and a remainder: of log(m) = 2 s + 2/3 s^3 + s^5 q(s^2), with s = (m - 1) / (m + 1), the first two terms are
such sums too. The coefficients of q are a minimax fit by the exchange algorithm in 50 digits, for s^2 up to
((sqrt(2) - 1) / (sqrt(2) + 1))^2. Errors are measured against 60 digits in tests/test_polynomials.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numba import types

from lossreg.kernels.elementary.float_formats import as_float64, cast_like, exact_fma, horner, number
from lossreg.kernels.elementary.polynomials import COMPILED, FORMATS, compiles
from lossreg.kernels.numerics import special, stable

if TYPE_CHECKING:
    from collections.abc import Callable

LOG = (
    *(0.39999999999999999815, 0.28571428571429374036, 0.22222222221651678308, 0.18181818336243440717),
    *(0.15384594880647626878, 0.13334808737815008251, 0.1170613731019787723, 0.11724131149689643838),
)
THIRDS, THIRDS_TAIL = 2 / 3, 3.700743415417188e-17  # 2/3: the nearest float64, and the remainder
FAR = 2.0**900
"""Numbers above this and below its inverse are scaled first, so that neither they nor 2^k with their exponent is
subnormal."""
LIFT = 54


def make_float32_power() -> Callable[[Any, Any], Any]:
    """e^(p log(x)) in float64, which has 29 more bits than the result."""
    exp, log = COMPILED[stable.exp], COMPILED[stable.log]

    def power(x: Any, p: Any) -> Any:
        exponent = log(as_float64(x))
        product = as_float64(p) * exponent
        product = 0.0 if (exponent == 0) | (p == 0) else product
        return cast_like(exp(product), x)

    return power


def make_float64_power() -> Callable[[Any, Any], Any]:
    """e^(p log(x)), the logarithm and its product with p as sums of a number and its remainder."""
    f, inf, nan = FORMATS[64], FORMATS[64].inf, FORMATS[64].nan
    high, low = f.ln2_high, f.ln2_low
    exp, logb, exp2 = COMPILED[stable.exp], COMPILED[stable.logb], COMPILED[stable.exp2]
    root, up, down, lift = f.real(2**0.5), f.real(2.0**LIFT), f.real(2.0**-LIFT), f.real(LIFT)

    def power(x: Any, p: Any) -> Any:
        small, large = x < 1 / FAR, x > FAR
        normal = x * (up if small else down if large else 1.0)
        # x = m 2^k, with m from sqrt(1/2) to sqrt(2).
        k = logb(normal * root)
        m = normal * exp2(-k)
        k += -lift if small else lift if large else 0.0
        above = m + 1.0
        a, lost = m - 1.0, m - (above - 1.0)
        s = a / above
        s_tail = (exact_fma(-s, above, a) - s * lost) / above
        z = s * s
        z_tail = exact_fma(s, s, -z) + 2.0 * s * s_tail
        rest = z * horner(z, LOG)
        factor = THIRDS + rest
        factor_tail = ((THIRDS - factor) + rest) + THIRDS_TAIL
        square = z * factor
        square_tail = exact_fma(z, factor, -square) + (z * factor_tail + z_tail * factor)
        cube = s * square
        cube_tail = exact_fma(s, square, -cube) + (s * square_tail + s_tail * square)
        of_m = 2.0 * s + cube
        of_m_tail = (cube - (of_m - 2.0 * s)) + (cube_tail + 2.0 * s_tail)
        whole = k * high
        total = whole + of_m
        tail = (of_m - (total - whole)) + (of_m_tail + k * low)
        exponent = total + tail
        exponent_tail = tail - (exponent - total)
        edge = x if x == inf else (-inf if x == 0 else nan)
        exponent = exponent if (x > 0) & (x < inf) else edge
        product = p * exponent
        product_tail = exact_fma(p, exponent, -product) + p * exponent_tail
        result = exp(product)
        result = exact_fma(result, product_tail, result) if (result > 0) & (result < inf) else result
        return 1.0 if (exponent == 0) | (p == 0) else result

    return power


BY_WIDTH = {32: make_float32_power(), 64: make_float64_power()}


@compiles(special.power)
def _power(x: Any, p: Any) -> Any:
    """The implementation for the wider of the float types."""
    kinds = [number(kind) for kind in (x, p)]
    widths = [kind.bitwidth for kind in kinds if isinstance(kind, types.Float)]
    return BY_WIDTH[max(widths)] if widths else None
