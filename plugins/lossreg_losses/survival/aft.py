"""Accelerated failure time: the likelihood of a time, or of having come so far without the event.

    z = (log(target) - prediction) / sigma
    value = -log(f(z)) + log(sigma) + log(target)       of a sample with the event (event 1)
          = -log(1 - F(z))                              of a censored one (event 0)
    slope = the derivative by z / -sigma

with f and F of the `distribution` of the errors of the logarithm: "logistic" with F = sigmoid(z), or "extreme" with
F = 1 - e^(-e^z), which makes the times Weibull's.

Shapes: prediction, target and event of the same shape. Ranges: any prediction, the logarithm of a time; target above 0;
event 0 or 1, or between for a mixture; sigma above 0 and finite.
Source: Wei (1992), doi:10.1002/sim.4780111409; Barnwal, Cho, Hocking (2022), arXiv:2006.04920; XGBoost's survival:aft
(3.2), which also has intervals and the normal distribution.

>>> aft.at(0.0, 1.0, 0.0)
(0.6931471805599453, -0.5)
>>> aft.at(0.0, 1.0, 1.0)
(1.3862943611198906, -0.0)
"""

from typing import Literal

from lossreg.kernels.numerics import INFINITY, exp, expm1, log, sigmoid, softplus, weighted
from lossreg.plugin import EventProbability, FinitePositive, Loss, PositiveTime, Real, hookimpl, loss


@loss
def aft(
    prediction: Real,
    target: PositiveTime,
    event: EventProbability,
    sigma: FinitePositive = 1.0,
    distribution: Literal["logistic", "extreme"] = "logistic",
) -> tuple[float, float]:
    T = type(prediction)
    logarithm = log(target)
    z = (logarithm - prediction) / sigma
    constant = log(sigma) + logarithm
    if distribution == "logistic":
        survived, hazard = softplus(z), sigmoid(z)
        turn = expm1(-abs(z))
        tilt = turn / (T(2) + turn)  # hazard less 1 - hazard, with its digits around 0
        observed, pull = survived + softplus(-z), -tilt if z > 0 else tilt
    else:
        survived = exp(z)
        hazard, pull = survived, expm1(z)
        observed = survived if survived == INFINITY else survived - z
    censored = T(1) - event
    value = weighted(event, observed + constant) + weighted(censored, survived)
    return value, -(weighted(event, pull) + weighted(censored, hazard)) / sigma


@aft.hessian
def second_derivative(
    prediction: Real,
    target: PositiveTime,
    event: EventProbability,
    sigma: FinitePositive = 1.0,
    distribution: Literal["logistic", "extreme"] = "logistic",
) -> float:
    T = type(prediction)
    z = (log(target) - prediction) / sigma
    bend = (T(1) + event) * sigmoid(z) * sigmoid(-z) if distribution == "logistic" else exp(z)
    return bend / sigma / sigma


@hookimpl
def lossreg_component() -> Loss:
    return aft
