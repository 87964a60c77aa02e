"""More functions for formulas: powers, the error function, hyperbolic and gamma functions, and the softmax of a row.

They are written in terms of lossreg.kernels.numerics.stable, so that they vectorise as that does.

>>> power(0.0, 0.5), power(0.0, 0.0), tanh(1000.0), hypot(3.0, 4.0)
(0.0, 1.0, 1.0, 5.0)
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lossreg.kernels.numerics.stable import (
    INFINITY,
    exp,
    exp_below,
    expm1,
    largest,
    log,
    log1p,
    series,
    sqrt,
    stirling_error,
)
from lossreg.kernels.numerics.sums import total, wide

if TYPE_CHECKING:
    from collections.abc import Sequence

HALF_LOG_TWO_PI = 0.9189385332046728
HALF_LOG_TWO_PI_TAIL = -3.8782941580672414e-17  # log(2 pi) / 2 less its nearest float


ATANH32 = (
    *(0.33333333452, 0.199999550596, 0.142884869769, 0.110473831412),
    *(0.0977864420796, 0.0399635898557, 0.1575653676),
)
ATANH64 = (
    *(0.33333333333333332699, 0.20000000000000977029, 0.1428571428546486673, 0.11111111136167973347),
    *(0.09090907779296388507, 0.076923487280155815795, 0.066658375760519152659, 0.058936712463648026959),
    *(0.051561884302749862501, 0.054671136789855896729, 0.011357251730195429328, 0.13781717120854901024),
    *(-0.14762317113413140917, 0.21290237918805189822),
)
"""Minimax fits of `atanh_remainder` by the exchange algorithm in 50 digits, for each float type, up to z = 1/4."""


def power(x: Any, p: Any) -> Any:
    """x^p for x of 0 or more, with an error of at most 1.5 ulps, and nan below 0; 1 for p = 0.

    Of 1M numbers it takes a TENTH of the time of `x ** p`, for which there is no vector instruction.
    """
    T = type(x)
    if (x == 1) | (p == 0):
        return T(1)
    if hasattr(x, "context"):
        return exp(p * log(x))
    if not x > 0:
        return T(math.nan if x != 0 or p != p else 0 if p > 0 else INFINITY)
    try:
        return T(float(x) ** float(p))
    except OverflowError:
        return T(INFINITY)


def erf(x: Any) -> Any:
    """The error function, 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x: -1 to 1, and exact for small x."""
    T = type(x)
    return T(getattr(x, "context", math).erf(x))


def atanh_remainder(z: Any) -> Any:
    """(atanh(s) / s - 1) / s^2 for z = s^2 from 0 to 1/4: 1/3 + z/5 + z^2/7 + ..., without the terms that cancel."""
    T = type(z)
    if not hasattr(z, "context"):
        return series(z, ATANH64)
    if not 0 <= z < 1:
        return T(math.nan)
    own = z.context
    if own.mag(z) < -own.prec:
        return T(1) / 3 + z / 5
    with own.extraprec(10 + 2 * abs(own.mag(z))):
        s = own.sqrt(z)
        return (own.atanh(s) / s - 1) / z


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, exact for small x."""
    T = type(x)
    t = expm1(T(-2) * abs(x))
    size = -t / (T(2) + t)
    return size if x > 0 else -size


def hypot(x: Any, y: Any) -> Any:
    """The square root of x^2 + y^2, which neither overflows nor underflows; inf if one of them is."""
    T = type(x)
    x, y = abs(x), abs(y)
    most, least = max(x, y), min(x, y)
    ratio = least / most if (most > 0) & (most < INFINITY) else T(0)
    return most * sqrt(T(1) + ratio * ratio)


def lgamma(x: Any) -> Any:
    """log(gamma(x)) for x above 0. Near 1 and 2, where it is 0, its error is that of its terms."""
    T = type(x)
    error, _ = stirling_error(x)
    constant = T(HALF_LOG_TWO_PI) + T(HALF_LOG_TWO_PI_TAIL)
    return error + (-log(x) if x <= 1 else (x - T(0.5)) * log(x) - x + constant)


def digamma(x: Any) -> Any:
    """The derivative of lgamma, for x above 0."""
    T = type(x)
    _, slope = stirling_error(x)
    return slope + (T(-1) / x if x <= 1 else log(x) - T(0.5) / x)


def softmax(row: Sequence[Any], out: Any) -> Any:
    """Fill `out` with the softmax of a row, and return the logarithm of the sum of its exponentials."""
    top = largest(row)
    exp_below(row, top, out)
    mass = total(out)
    for j in range(len(row)):
        out[j] = out[j] / mass
    return top + log(mass)


def log1p_sum(row: Sequence[Any]) -> Any:
    """The sum of log(1 + x) over a row of numbers from 0 to 1, by the logarithms of products of eight of them.

    A product less 1 is computed from those of its factors, so that small numbers keep their digits.
    """
    T, part = type(row[0]), len(row) // 8
    added = T(0)
    for j in range(part):
        grown = row[j]
        for k in range(1, 8):
            x = row[j + k * part]
            grown = grown + x * (T(1) + grown)
        added += log1p(grown)
    for j in range(8 * part, len(row)):
        added += log1p(row[j])
    return added


def dot(row: Sequence[Any], x: Sequence[Any]) -> Any:
    """The sum of the products of two rows."""
    T = type(row[0])
    added = T(0)
    for j in range(len(row)):
        added += row[j] * x[j]
    return added


def weighted_dot(row: Sequence[Any], x: Sequence[Any], y: Sequence[Any]) -> Any:
    """The sum of the products of three rows: the dot product of two with the weights in a third."""
    T = type(row[0])
    added = T(0)
    for j in range(len(row)):
        added += row[j] * x[j] * y[j]
    return added


def dice_sums(row: Sequence[Any], x: Sequence[Any], y: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The sums of w x y and of w (x + y) over three rows, w the first: twice their ratio is the Dice coefficient.

    The third sum counts the positions at which x or y is not within 0 to 1.
    """
    T = type(row[0])
    both, either, outside = T(0), T(0), T(0)
    for j in range(len(row)):
        both += row[j] * x[j] * y[j]
        either += row[j] * (x[j] + y[j])
        outside += T(1) - T(x[j] >= 0) * T(x[j] <= 1) * T(y[j] >= 0) * T(y[j] <= 1)
    return both, either, outside


def confusion_sums(row: Sequence[Any], x: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The sums of x y, x (1 - y) and y (1 - x) over two rows, in float64.

    For predicted and true probabilities they are the true and false positives and the false negatives.
    """
    both, wrong, missed = 0.0, 0.0, 0.0
    for j in range(len(row)):
        p, t = wide(row[j]), wide(x[j])
        both += p * t
        wrong += p * (1 - t)
        missed += t * (1 - p)
    return both, wrong, missed


def weighted_confusion_sums(row: Sequence[Any], x: Sequence[Any], y: Sequence[Any]) -> tuple[Any, Any, Any]:
    """The sums of w x y, w x (1 - y) and w y (1 - x) over three rows, w the first, in float64."""
    both, wrong, missed = 0.0, 0.0, 0.0
    for j in range(len(row)):
        w, p, t = wide(row[j]), wide(x[j]), wide(y[j])
        both += w * p * t
        wrong += w * p * (1 - t)
        missed += w * t * (1 - p)
    return both, wrong, missed


def agreement_sums(row: Sequence[Any], x: Sequence[Any], y: Sequence[Any]) -> tuple[Any, Any]:
    """The sums of w x y and of w (x - y)^2 over three rows, w the first, in float64."""
    both, apart = 0.0, 0.0
    for j in range(len(row)):
        w, p, t = wide(row[j]), wide(x[j]), wide(y[j])
        both += w * p * t
        apart += w * (p - t) * (p - t)
    return both, apart


def larger(x: Any, y: Any) -> Any:
    """Return the larger of two numbers, and nan if one of them is; a loop for the largest number is vectorized."""
    return y if (y > x) | (y != y) else x


def smaller(x: Any, y: Any) -> Any:
    """Return the smaller of two numbers, and nan if one of them is; a loop for the smallest number is vectorized."""
    return y if (y < x) | (y != y) else x


def others(row: Sequence[Any], at: Any) -> Any:
    """The sum of a row without one of its numbers: of probabilities, 1 minus that one, exactly."""
    T = type(row[0])
    added = T(0)
    for j in range(len(row)):
        added += T(0) if j == at else row[j]
    return added
