"""The elementary functions of lossreg.kernels.numerics.stable for compiled loops, branch-free so that loops vectorize.

numba calls libm for one number at a time; these functions compile to vector instructions. Errors, against 60 digits:
exp and log 1 ulp, expm1 and log1p 2 ulp, stirling_error 3 ulp and its derivative 4, subnormal results included
(tests/test_polynomials.py). The coefficients are minimax fits by the exchange algorithm in 60 digits: of (e^r - 1 - r)
/ r^2 on |r| <= log(2) / 2, and in s^2, for s up to (sqrt(2) - 1) / (sqrt(2) + 1), of (log((1 + s) / (1 - s)) / s - 2) /
s^2; lossreg.kernels.numerics.stirling has its own.

They depend on the order of their sums, and are therefore compiled without reassociation.
"""

from __future__ import annotations

import math
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from lossreg.kernels.compiler.intrinsics import heap_buffer
from lossreg.kernels.compiler.options import EXACT, inner
from lossreg.kernels.elementary.extended_range import make_exp2, make_exp_frexp, make_logb
from lossreg.kernels.elementary.float_formats import Format, bits, cast_like, fma, from_bits, horner, number
from lossreg.kernels.numerics import distances, stable
from lossreg.kernels.numerics.stirling import ROOT, ROOT_TAIL, STIRLING32, STIRLING64

if TYPE_CHECKING:
    from collections.abc import Callable

EXP32 = (0.499999934493, 0.166665206292, 0.0416683877652, 0.00836871711393, 0.00138146120379)
EXP64 = (
    *(0.5000000000000010627, 0.16666666666666412522, 0.04166666666653015977, 0.0083333333334944638693),
    *(0.001388888894362984184, 0.00019841269506571106111, 0.000024801493099144011969, 2.7557586382581074262e-6),
    *(2.763024830872524193e-7, 2.5000058349050144127e-8),
)
LOG32 = (0.66666776549, 0.399775185902, 0.298724007024)
LOG64 = (
    *(0.66666666666667346521, 0.39999999999412894012, 0.28571428742823481459, 0.22222198524745677216),
    *(0.18183567025020525481, 0.1531397709124145354, 0.14796726935202608795),
)


COMPILED: dict[Any, Callable[..., Any]] = {}
"""For each function of lossreg.kernels.numerics, the function that replaces it in compiled code.

Only these copies are registered with numba, so that other numba code cannot call the originals.
"""


def compiles(function: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorate an overload: the function that chooses an implementation of `function` by the types of its arguments."""
    COMPILED[function] = FunctionType(function.__code__, {}, function.__name__, function.__defaults__)
    return overload(COMPILED[function], jit_options=inner(EXACT), strict=False)


def make_exp(f: Format) -> Callable[[Any], Any]:
    """2^k e^r with k the nearest integer to x / log(2); 2^k as a product of two powers, to reach subnormal results."""
    mantissa, bias, coefficients, single = f.mantissa, f.bias, f.exp, f.integer(1)
    log2e, shift, shift_bits, high, low = f.log2e, f.round, f.round_bits, f.ln2_high, f.ln2_low
    lowest, highest, one, least = f.lowest, f.highest, f.one, f.least

    def exp(x: Any) -> Any:
        x = (x + least) - least  # a product with a subnormal number takes a hundred cycles, and a sum does not
        # These comparisons let nan pass; a test for it would be a branch, which prevents vectorization.
        bounded = lowest if x < lowest else x
        bounded = highest if bounded > highest else bounded
        shifted = fma(bounded, log2e, shift)
        count = shifted - shift
        r = fma(count, -low, fma(count, -high, bounded))
        growth = one + fma(r * r, horner(r, coefficients), r)
        k = cast_like(bits(shifted) - shift_bits, mantissa)
        first = cast_like(k >> single, mantissa)
        upper = from_bits(cast_like((first + bias) << mantissa, mantissa))
        lower = from_bits(cast_like((k - first + bias) << mantissa, mantissa))
        return growth * upper * lower

    return exp


def make_expm1(f: Format) -> Callable[[Any], Any]:
    """2^k (e^r - 1) + (2^k - 1); e^x, as `exp` has it, where the -1 is below the rounding error."""
    mantissa, bias, coefficients, single = f.mantissa, f.bias, f.exp, f.integer(1)
    log2e, shift, shift_bits, high, low = f.log2e, f.round, f.round_bits, f.ln2_high, f.ln2_low
    zero, one, least, limit, highest = f.zero, f.one, f.least, f.expm1_limit, f.highest

    def expm1(x: Any) -> Any:
        tiny = abs(x) < least
        bounded = -limit if x < -limit else (zero if tiny else x)
        bounded = highest if bounded > highest else bounded
        shifted = fma(bounded, log2e, shift)
        count = shifted - shift
        r = fma(count, -low, fma(count, -high, bounded))
        growth = fma(r * r, horner(r, coefficients), r)
        k = cast_like(bits(shifted) - shift_bits, mantissa)
        first = cast_like(k >> single, mantissa)
        upper = from_bits(cast_like((first + bias) << mantissa, mantissa))
        lower = from_bits(cast_like((k - first + bias) << mantissa, mantissa))
        power, large = upper * lower, (one + growth) * upper * lower
        return x if tiny else (large if x > limit else fma(power, growth, power - one))

    return expm1


def make_log(f: Format) -> Callable[[Any, Any], Any]:
    """log(x) + tail for a small tail: k log(2) + log(m), m in [sqrt(1/2), sqrt(2)), log(m) = log((1 + s) / (1 - s))."""
    mantissa, coefficients = f.mantissa, f.log
    high, low, one, half, two, zero, inf, nan = f.ln2_high, f.ln2_low, f.one, f.half, f.two, f.zero, f.inf, f.nan
    tiny, lift, lifted, anchor, none = f.tiny, f.lift, f.lifted, f.sqrt_half_bits, f.integer(0)

    def log(x: Any, tail: Any) -> Any:
        normal = x * lift if x < tiny else x
        pattern = bits(normal)
        k = cast_like(cast_like(pattern - anchor, mantissa) >> mantissa, mantissa)
        m = from_bits(cast_like(pattern - cast_like(k << mantissa, mantissa), mantissa))
        exponent = cast_like(k - (lifted if x < tiny else none), one)
        a = m - one
        s = a / (two + a)
        z = s * s
        square = half * a * a
        series = s * fma(z, horner(z, coefficients), square)
        result = fma(exponent, high, a - (square - (series + fma(exponent, low, tail))))
        edge = x if x == inf else (-inf if x == zero else nan)
        return result if (x > zero) & (x < inf) else edge

    return log


FORMATS = {
    32: Format(np.float32, np.int32, EXP32, LOG32, STIRLING32),
    64: Format(np.float64, np.int64, EXP64, LOG64, STIRLING64),
}
LOGS: dict[Format, Any] = {f: njit(**inner(EXACT))(make_log(f)) for f in FORMATS.values()}


def make_log1p(f: Format) -> Callable[[Any], Any]:
    """log(u) for the rounded u = 1 + x, corrected by the rounding error."""
    log = LOGS[f]
    one, zero, inf = f.one, f.zero, f.inf

    def log1p(x: Any) -> Any:
        u = one + x
        lost = (x - (u - one)) / u
        return log(u, lost if (u > zero) & (u < inf) else zero)

    return log1p


def make_log_sum(f: Format) -> Callable[[Any, Any], Any]:
    """log(u) for the rounded u = x + y, corrected by the rounding error."""
    log = LOGS[f]
    zero, inf = f.zero, f.inf

    def log_sum(x: Any, y: Any) -> Any:
        u = x + y
        high = x if x > y else y
        low = y if x > y else x
        lost = (low - (u - high)) / u
        return log(u, lost if (u > zero) & (u < inf) else zero)

    return log_sum


def plain_log(f: Format) -> Callable[[Any], Any]:
    """log(x) without a tail."""
    log, zero = LOGS[f], f.zero
    return lambda x: log(x, zero)


def plain_sqrt(_: Format) -> Callable[[Any], Any]:
    """The processor's square root, which is correctly rounded and vectorizes."""
    return lambda x: math.sqrt(x)  # noqa: PLW0108  numba overloads with a function, not with a built-in


def make_stirling_error(f: Format) -> Callable[[Any], tuple[Any, Any]]:
    """Up to 1, polynomials times the root factors of log(x!) and digamma(x + 1); above 1, corrections of 1 / (12 x)."""
    near, near_slope, far, far_by, slope, slope_by = f.stirling
    half, zero, one, nan = f.half, f.zero, f.one, f.nan
    root, twelfth = f.real(ROOT), f.real(1 / 12)
    root_tail = f.real((ROOT - float(root)) + ROOT_TAIL)

    def stirling_error(x: Any) -> tuple[Any, Any]:
        x = nan if x < zero else x
        u, inverse = x - half, one / x
        w = inverse * inverse
        error = inverse * (twelfth - w * (horner(w, far) / horner(w, far_by)))
        error_slope = -w * (twelfth - w * (horner(w, slope) / horner(w, slope_by)))
        small = x <= one
        return (
            x * (x - one) * horner(u, near) if small else error,
            (x - root - root_tail) * horner(u, near_slope) if small else error_slope,
        )

    return stirling_error


for original, make in (
    (stable.exp, make_exp),
    (stable.expm1, make_expm1),
    (stable.log, plain_log),
    (stable.log1p, make_log1p),
    (stable.sqrt, plain_sqrt),
    (stable.atan, lambda _: lambda x: math.atan(x)),  # noqa: PLW0108  that of the C library; as plain_sqrt
    (stable.stirling_error, make_stirling_error),
    (stable.exp_frexp, make_exp_frexp),
    (stable.logb, make_logb),
    (stable.exp2, make_exp2),
):
    polynomials = {width: make(form) for width, form in FORMATS.items()}

    @compiles(original)
    def choose(x: types.Type, by_width: dict[int, Callable[..., Any]] = polynomials) -> Callable[..., Any] | None:
        """The implementation for the float type of the argument."""
        return by_width[number(x).bitwidth] if isinstance(number(x), types.Float) else None


LOG_SUMS = {width: make_log_sum(form) for width, form in FORMATS.items()}


@compiles(stable.log_sum)
def _log_sum(x: Any, y: Any) -> Any:
    """The implementation for the float type of the arguments."""
    return LOG_SUMS[number(x).bitwidth] if isinstance(number(x), types.Float) else None


@compiles(distances.magnitude)
def _magnitude(row: Any) -> Any:
    """The largest absolute value by comparing bits as integers, of which those of nan are the largest."""
    mask = FORMATS[number(row.dtype).bitwidth].magnitude

    def magnitude(row: Any) -> Any:
        found = cast_like(0, mask)
        for j in range(row.size):
            pattern = cast_like(bits(row[j]) & mask, mask)
            found = pattern if pattern > found else found
        return from_bits(found)

    return magnitude


@compiles(stable.empty_like)
def _empty_like(row: Any) -> Any:
    """A heap buffer for an array. For lanes there is none, so that kernels that need it run lane by lane."""
    return (lambda row: heap_buffer(row)) if isinstance(row, types.Array) else None  # noqa: PLW0108  as above
