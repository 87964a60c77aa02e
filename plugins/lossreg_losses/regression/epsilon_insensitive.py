"""Epsilon-insensitive: what the absolute error has beyond a tube around the target, to the p.

    value = max(0, |e| - epsilon)^p                               e = prediction - target
    slope = p max(0, |e| - epsilon)^(p - 1) outside of the tube with the sign of e, 0 inside; of the target its negative

Shapes: prediction and target of the same shape. Ranges: any numbers; epsilon 0 or above; p 1 or 2.
Source: Vapnik (1995), The Nature of Statistical Learning Theory; scikit-learn's epsilon_insensitive and, with p = 2,
squared_epsilon_insensitive of SGDRegressor (1.9).

>>> epsilon_insensitive.at(3.0, 1.0, epsilon=0.5)
(1.5, 1.0, -1.0)
>>> epsilon_insensitive.at(3.0, 1.0, epsilon=0.5, p=2)
(2.25, 3.0, -3.0)
"""

from math import copysign
from typing import Literal

from lossreg.plugin import Loss, NonNegative, Real, hookimpl, loss


@loss
def epsilon_insensitive(
    prediction: Real, target: Real, epsilon: NonNegative = 0.1, p: Literal[1, 2] = 1
) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    excess = T(0) if abs(error) <= epsilon else abs(error) - epsilon
    slope = copysign(T(excess > 0) if p == 1 else T(2) * excess, error)
    return excess if p == 1 else excess * excess, slope, -slope


@epsilon_insensitive.hessian
def second_derivative(prediction: Real, target: Real, epsilon: NonNegative = 0.1, p: Literal[1, 2] = 1) -> float:
    T = type(prediction)
    return T(2) if (p == 2) & (abs(prediction - target) > epsilon) else T(0)


@hookimpl
def lossreg_component() -> Loss:
    return epsilon_insensitive
