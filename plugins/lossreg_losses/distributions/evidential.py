"""Evidential regression: the surprise under a Normal-inverse-gamma mixture, and a penalty on evidence for a wrong mean.

    value = log(pi / nu) / 2 - alpha log(omega) + (alpha + 1/2) log(e^2 nu + omega)
            + log(gamma(alpha) / gamma(alpha + 1/2)) + penalty |e| (2 nu + alpha)
    slope of the mean = (2 alpha + 1) nu e / (e^2 nu + omega) + penalty sign(e) (2 nu + alpha)

with e = mean - target and omega = 2 beta (1 + nu). The first four terms are -log of a Student t density. The
uncertainty of the mean is beta / (nu (alpha - 1)), that of the target beta / (alpha - 1). At e = 0 the penalty has
slope 0.

Shapes: all inputs of the same shape. Ranges: any finite mean and target; nu and beta above 0, alpha above 1, all
finite; penalty 0 or above and finite.
Source: Amini et al. (2020), arXiv:1910.02600, equations 8 to 10, with penalty (lambda) 0.01.

>>> evidential.at(0.0, 1.0, 2.0, 1.0, 0.0)[0]
0.9808292530117261
"""

from math import log as ln, pi
from typing import Annotated

from lossreg.kernels.numerics import digamma, lgamma, log, log1p, sign
from lossreg.plugin import (
    Domain,
    Finite,
    FiniteNonNegative,
    FinitePositive,
    Loss,
    hookimpl,
    loss,
    shifted_softplus,
)

LOG_PI = ln(pi)


def above_one(x: float) -> bool:
    return (x > 1) & (x < float("inf"))


AboveOne = Annotated[
    float, Domain("AboveOne", "above 1 and finite", above_one, 2.0, "regression", inverse_link=shifted_softplus(1.0))
]


@loss(ulps=20_000)  # digamma at alpha and at alpha + 1/2 hardly differ where alpha is large
def evidential(
    mean: Finite,
    nu: FinitePositive,
    alpha: AboveOne,
    beta: FinitePositive,
    target: Finite,
    penalty: FiniteNonNegative = 0.01,
) -> tuple[float, float, float, float, float]:
    T = type(mean)
    half = T(0.5)
    e, omega, evidence = mean - target, T(2) * beta * (T(1) + nu), T(2) * nu + alpha
    # The square of a large difference overflows in float32: everything is then in units of it.
    unit = abs(e) if abs(e) > T(2.0**50) else T(1)
    scaled, rest = e / unit, omega / unit / unit
    width, squared = scaled * scaled * nu + rest, alpha * scaled * scaled
    value = half * (T(LOG_PI) - log(nu)) - alpha * log(omega) + (alpha + half) * (log(width) + T(2) * log(unit))
    value = value + lgamma(alpha) - lgamma(alpha + half) + penalty * abs(e) * evidence
    by_mean = (alpha + half) * (T(2) * scaled * nu / width) / unit + penalty * sign(e) * evidence
    by_nu = (T(2) * nu * squared - rest) / (T(2) * nu * (T(1) + nu)) / width + T(2) * penalty * abs(e)
    surprise = log1p(e * e * nu / omega) if unit == T(1) else log(width) + T(2) * log(unit) - log(omega)
    by_alpha = surprise + digamma(alpha) - digamma(alpha + half) + penalty * abs(e)
    return value, by_mean, by_nu, by_alpha, (half * rest - nu * squared) / beta / width


@hookimpl
def lossreg_component() -> Loss:
    return evidential
