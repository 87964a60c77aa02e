"""Pseudo-Huber: quadratic near the target and linear far from it, smooth everywhere.

    value = delta^2 (sqrt(1 + (e / delta)^2) - 1)    e = prediction - target
    slope = e / sqrt(1 + (e / delta)^2)              of the target its negative

Near 0 the value is e^2 / 2, far away delta |e| - delta^2, and the slope goes to delta. With delta = inf it is half of
`mse`. The value of a small error keeps its digits, which the formula as it is written cancels.

Shapes: prediction and target of the same shape. Ranges: any numbers; delta above 0.
Source: Charbonnier et al. (1997), doi:10.1109/83.551699; XGBoost's reg:pseudohubererror (3.2).

>>> pseudo_huber.at(0.75, 0.0)
(0.25, 0.6, -0.6)
>>> pseudo_huber.at(1e-9, 0.0)[0]
5e-19
"""

from math import copysign

from lossreg.kernels.numerics import sqrt
from lossreg.plugin import Loss, Positive, Real, hookimpl, loss


@loss
def pseudo_huber(prediction: Real, target: Real, delta: Positive = 1.0) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    size = abs(error)
    near = size <= delta
    # With both divided by the larger of |e| and delta, no square overflows.
    rise, run = (size / delta, T(1)) if near else (T(1), delta / size)
    root = sqrt(rise * rise + run * run)
    bound = size if near else delta
    slope = copysign(bound / root, error)
    return size * (bound / (run + root)), slope, -slope


@pseudo_huber.hessian
def second_derivative(prediction: Real, target: Real, delta: Positive = 1.0) -> float:
    T = type(prediction)
    size = abs(prediction - target)
    rise, run = (size / delta, T(1)) if size <= delta else (T(1), delta / size)
    share = run / sqrt(rise * rise + run * run)
    return share * share * share


@hookimpl
def lossreg_component() -> Loss:
    return pseudo_huber
