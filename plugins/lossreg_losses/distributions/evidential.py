"""Evidential regression: the surprise under a Normal-inverse-gamma mixture, and a penalty on evidence for a wrong mean.

    value = log(pi / nu) / 2 - alpha log(omega) + (alpha + 1/2) log(e^2 nu + omega)
            + log(gamma(alpha) / gamma(alpha + 1/2)) + penalty |e| (2 nu + alpha)
    slope of the mean = (2 alpha + 1) nu e / (e^2 nu + omega) + penalty sign(e) (2 nu + alpha)

with e = mean - target and omega = 2 beta (1 + nu). The first four terms are -log of a Student t density. The
uncertainty of the mean is beta / (nu (alpha - 1)), that of the target beta / (alpha - 1). At e = 0 the penalty has
slope 0.

Shapes: all inputs of the same shape. Ranges: any finite mean and target; nu and beta above 0, alpha above 1, all
finite; penalty 0 or above and finite.
Exactness: a slope has the difference of the digammas of alpha and alpha + 1/2, which cancel where alpha is large.
Source: Amini et al. (2020), arXiv:1910.02600, equations 8 to 10, with penalty (lambda) 0.01.

>>> evidential.at(0.0, 1.0, 2.0, 1.0, 0.0)[0]
0.9808292530117262
"""

from math import log as ln, pi
from typing import Annotated

from lossreg.kernels.numerics import log, log1p, sign, stirling_error
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

LOG_2, LOG_PI = ln(2), ln(pi)


def above_one(x: float) -> bool:
    return (x > 1) & (x < float("inf"))


AboveOne = Annotated[
    float, Domain("AboveOne", "above 1 and finite", above_one, 2.0, "regression", inverse_link=shifted_softplus(1.0))
]


@loss
def evidential(
    mean: Finite,
    nu: FinitePositive,
    alpha: AboveOne,
    beta: FinitePositive,
    target: Finite,
    penalty: FiniteNonNegative = 0.01,
) -> tuple[float, float, float, float, float]:
    T = type(mean)
    half, e, beyond = T(0.5), mean - target, alpha + T(0.5)
    # The odds are e^2 nu / omega, in an order in which only what is itself out of range overflows.
    leverage = half * (e * (nu / (T(1) + nu)) / beta)
    odds = leverage * e
    huge = odds > T(1e30)
    rest, share = T(1) / (T(1) + odds), T(1) if huge else odds / (T(1) + odds)
    log_scale = T(LOG_2) + log(beta) + log1p(nu) - log(nu)
    log1p_odds = T(2) * log(abs(e)) - log_scale if huge else log1p(odds)
    # log(gamma(alpha) / gamma(alpha + 1/2)) by Stirling's formula, whose errors hardly differ where alpha is large.
    step, (error, slope), (next_error, next_slope) = log1p(half / alpha), stirling_error(alpha), stirling_error(beyond)
    gammas = (half - (alpha - half) * step) + (error - next_error)
    by_gammas = (slope - next_slope) - T(0.25) / alpha / beyond - step
    cost, push, excess = penalty * abs(e), penalty * sign(e), alpha * share - half * rest
    value = half * (T(LOG_PI) + log_scale + log1p_odds - log(beyond)) + alpha * log1p_odds + gammas
    pull = T(2) / e if huge else T(2) * leverage * rest
    by_mean = beyond * pull + (push * T(2) * nu + push * alpha)
    by_nu = excess / (T(1) + nu) / nu + T(2) * cost
    value = value + (cost * T(2) * nu + cost * alpha)
    return value, by_mean, by_nu, log1p_odds + by_gammas + cost, -excess / beta


@evidential.hessian
def second_derivative(
    mean: Finite,
    nu: FinitePositive,
    alpha: AboveOne,
    beta: FinitePositive,
    target: Finite,
    penalty: FiniteNonNegative = 0.01,
) -> float:
    T = type(mean)
    e, share = mean - target, nu / (T(1) + nu)
    odds = T(0.5) * (e * share / beta) * e
    rest, evidence = T(1) / (T(1) + odds), (alpha + T(0.5)) * share
    # In an order in which nothing overflows or is subnormal that the result is not.
    steep = evidence / beta * rest if evidence < T(1e30) * beta else evidence * rest / beta
    return -T(2) * (alpha + T(0.5)) / e / e if odds > T(1e30) else steep * ((T(1) - odds) * rest)


@hookimpl
def lossreg_component() -> Loss:
    return evidential
