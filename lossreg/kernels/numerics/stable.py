"""Elementary functions and formulas that stay accurate where the obvious formula overflows or cancels.

Most take and return one number, and keep its type: float, numpy's floats, or mpmath's numbers of any precision, in
which the conformance kit runs kernels. In compiled loops the elementary functions are replaced by the polynomials of
lossreg.kernels.elementary, so that the loops vectorize. Importing this module imports neither numpy nor numba.

>>> softplus(-800.0), sigmoid(-1000.0), weighted(0.0, float("inf"))
(0.0, 0.0, 0.0)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics.stirling import ROOT, ROOT_TAIL, STIRLING64

if TYPE_CHECKING:
    from collections.abc import Sequence

INFINITY = math.inf

ZERO_EXPONENT = -(2.0**100)
"""The exponent k in m * 2^k that represents 0, with m = 0."""

LN2 = math.log(2)
LN2_TAIL = 2.3190468138462996e-17  # log(2) minus its nearest float
LN2_HIGH = math.floor(LN2 * 2.0**40) / 2.0**40  # exact times any k below 8,000
LN2_LOW = LN2_TAIL + (LN2 - LN2_HIGH)


def exp(x: Any) -> Any:
    """e^x; inf on overflow."""
    T = type(x)
    try:
        return T(getattr(x, "context", math).exp(x))
    except OverflowError:
        return T(INFINITY)


def expm1(x: Any) -> Any:
    """e^x - 1, accurate for small x; inf on overflow."""
    T = type(x)
    try:
        return T(getattr(x, "context", math).expm1(x))
    except OverflowError:
        return T(INFINITY)


def log(x: Any) -> Any:
    """The natural logarithm; -inf at 0, and nan below 0."""
    T = type(x)
    if x > 0:
        return T(getattr(x, "context", math).log(x))
    return T(-INFINITY if x == 0 else math.nan)


def log1p(x: Any) -> Any:
    """log(1 + x), accurate for small x; -inf at -1, and nan below."""
    T = type(x)
    if x > -1:
        return T(getattr(x, "context", math).log1p(x))
    return T(-INFINITY if x == -1 else math.nan)


def log_sum(x: Any, y: Any) -> Any:
    """log(x + y), accurate also if one of them is 1 and the other small."""
    return log1p(min(x, y)) if max(x, y) == 1 and x + y < INFINITY else log(x + y)


def log1p_square(x: Any) -> Any:
    """log(1 + x^2), also where the square overflows."""
    T = type(x)
    size = abs(x)
    small = size < T(1e9)
    grown = log1p(size * size if small else size - T(1))
    return grown if small else T(2) * grown


def sqrt(x: Any) -> Any:
    """The square root; nan below 0."""
    T = type(x)
    if x >= 0:
        return T(getattr(x, "context", math).sqrt(x))
    return T(math.nan)


def atan(x: Any) -> Any:
    """The arctangent; in compiled loops the processor's library computes it, one number at a time."""
    T = type(x)
    return T(getattr(x, "context", math).atan(x))


def stirling_error(x: Any) -> tuple[Any, Any]:
    """The error of Stirling's approximation, log(x!) - (x log(x) - x + log(2 pi x) / 2), and its derivative.

    For x up to 1 they are log(x!) itself and digamma(x + 1). The error is 0 at 0, at 1 and at inf, about 1 / (12 x) for
    large x, and nan below 0.
    """
    T = type(x)
    if not 0 <= x < INFINITY:
        none = T(0 if x > 0 else math.nan)
        return none, none
    if hasattr(x, "context"):
        return exact_stirling_error(x)
    near, near_slope, far, far_by, slope, slope_by = STIRLING64
    if x <= 1:
        u = x - T(0.5)
        return x * (x - T(1)) * series(u, near), T(float(x) - ROOT - ROOT_TAIL) * series(u, near_slope)
    w, twelfth = T(1) / x / x, T(1 / 12)
    error = (twelfth - w * series(w, far) / series(w, far_by)) / x
    return error, -w * (twelfth - w * series(w, slope) / series(w, slope_by))


KEPT = 1 << 14
"""How many results of `exact_stirling_error` are kept."""


def exact_stirling_error(x: Any) -> tuple[Any, Any]:
    """`stirling_error` of an mpmath number: with extra digits, because differences cancel, or by a series."""
    own, size = x.context, x.context.mag(x)
    if size < -own.prec / 2:
        return (x * own.pi**2 / 12 - own.euler) * x, x * own.pi**2 / 6 - own.euler
    if size > own.prec / 4:
        return 1 / (12 * x) - 1 / (360 * x**3), 1 / (120 * x**4) - 1 / (12 * x**2)
    # A kernel asks for each number several times, and the conformance kit for the neighbours of a point.
    kept, key = vars(own).setdefault("stirling_errors", {}), (x, own.prec)
    if key not in kept:
        with own.extraprec(3 * abs(size) + 10):
            error, slope = own.loggamma(x + 1), own.digamma(x + 1)
            if x > 1:
                error -= (x + 0.5) * own.log(x) - x + own.log(2 * own.pi) / 2
                slope -= own.log(x) + 0.5 / x
        if len(kept) >= KEPT:
            kept.clear()
        kept[key] = error, slope
    return kept[key]


def series(x: Any, coefficients: tuple[float, ...]) -> Any:
    """c0 + x (c1 + x (c2 + ...))."""
    T = type(x)
    result = T(0)
    for coefficient in reversed(coefficients):
        result = result * x + T(coefficient)
    return result


def sigmoid(x: Any) -> Any:
    """The logistic function, 1 / (1 + e^-x), accurate in both tails."""
    T = type(x)
    small = exp(-abs(x))
    return (T(1) if x >= 0 else small) / (T(1) + small)


def softplus(x: Any) -> Any:
    """The logarithm of 1 + e^x, accurate in both tails; at -x it is -log(sigmoid(x))."""
    T = type(x)
    return (x if x > 0 else T(0)) + log1p(exp(-abs(x)))


def sign(x: Any) -> Any:
    """1, -1, or x itself if it is 0 or nan."""
    T = type(x)
    return T(1) if x > 0 else (T(-1) if x < 0 else x)


def weighted(weight: Any, x: Any) -> Any:
    """weight * x, and 0 if the weight is 0, even if x is inf or nan."""
    T = type(x)
    return T(0) if weight == 0 else weight * x


def difference(x: Any, y: Any) -> Any:
    """x - y, and 0 if they are equal, infinities included."""
    T = type(x)
    return T(0) if x == y else x - y


def shifted_difference(x: Any, y: Any, shift: Any) -> Any:
    """(x - y) + shift in this order, also in loops whose sums may be reordered, where a small shift could be lost."""
    return x - y + shift


def ratio(x: Any, y: Any) -> Any:
    """x / y, and 1 if they are equal, infinities included."""
    T = type(x)
    return T(1) if x == y else x / y


# Numbers with an exponent of any size, as a mantissa and an exponent: m * 2^k.


def exp_frexp(x: Any) -> tuple[Any, Any]:
    """(m, k) with e^x = m * 2^k and m from 0.7 to 1.42, without overflow; m is 0 below 2^ZERO_EXPONENT."""
    T = type(x)
    if hasattr(x, "context") or math.isnan(x):
        return exp(x), T(0)
    k = x / LN2
    if k < ZERO_EXPONENT:
        return T(0), T(ZERO_EXPONENT)
    if x + T(0.125) == x:  # x has no bits left for a fraction
        return T(1), T(k)
    k = T(round(k))
    return exp(T(float(x) - float(k) * LN2_HIGH - float(k) * LN2_LOW)), k


def logb(x: Any) -> Any:
    """The exponent k of the largest 2^k <= |x|; for inf and nan one more than any, for 0 and subnormals one less."""
    T = type(x)
    if hasattr(x, "context"):
        return T(0)
    most = largest_power(T)
    return T(max(math.frexp(x)[1] - 1 if x else -most, -most) if math.isfinite(x) else most + 1)


def exp2(k: Any) -> Any:
    """2^k for an integer k given as a float; 0 where it would be subnormal."""
    T = type(k)
    if hasattr(k, "context"):
        return T(2) ** k
    most = largest_power(T)
    if -most < k <= most:
        return T(math.ldexp(1, int(k)))
    return T(0) if k < 0 else T(INFINITY) if k > 0 else k


def largest_power(kind: type) -> int:
    """The exponent of the largest power of 2 of a float type, which is float32 if it has 4 bytes, else float64."""
    return 127 if getattr(kind(0), "itemsize", 8) == 4 else 1023


def empty_like(row: Sequence[Any]) -> Any:
    """A new row of the same length, with undefined content."""
    return [x * 0 for x in row]


# Functions of rows. Loops over indices vectorize; loops over elements do not.


def largest(row: Sequence[Any]) -> Any:
    """The largest number of a row; nan if one of them is nan."""
    found = row[0]
    for j in range(len(row)):
        x = row[j]
        found = x if (x > found) | (x != x) else found
    return found


def exp_below(row: Sequence[Any], top: Any, out: Any, later: Any = None) -> None:
    """Fill `out` with e^(x - top); it is 1 where x equals top, inf included.

    `later` is a row that the kernel fills afterwards. It gets the same numbers, so that its memory is fetched while
    exponentials are computed: cross_entropy of 1,000 classes with second derivatives takes a tenth less time.
    """
    for j in range(len(row)):
        power = exp(difference(row[j], top))
        out[j] = power
        if later is not None:
            later[j] = power
