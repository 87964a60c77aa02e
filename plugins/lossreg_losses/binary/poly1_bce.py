"""Poly-1 binary cross-entropy: the first term of its series in 1 - p has another weight.

    value = target (softplus(-logit) + epsilon q) + (1 - target) (softplus(logit) + epsilon p)    p = sigmoid(logit)
    slope = (1 - target) p (1 + epsilon q) - target q (1 + epsilon p)                             q = 1 - p
    slope of the target = -logit + epsilon (q - p)

Shapes: logit and target of the same shape. Ranges: any logit; epsilon finite; target 0 to 1.
Source: Leng et al. (2022), arXiv:2204.12511.

>>> poly1_bce.at(0.0, 1.0)
(1.1931471805599454, -0.75, 0.0)
"""

from lossreg.kernels.numerics import expm1, sigmoid, softplus, weighted
from lossreg.plugin import Finite, Loss, Real, Unit, hookimpl, loss


@loss
def poly1_bce(logit: Real, target: Unit, epsilon: Finite = 1.0) -> tuple[float, float, float]:
    T = type(logit)
    p, q, rest = sigmoid(logit), sigmoid(-logit), T(1) - target
    value = weighted(target, softplus(-logit) + epsilon * q) + weighted(rest, softplus(logit) + epsilon * p)
    slope = rest * p * (T(1) + epsilon * q) - target * q * (T(1) + epsilon * p)
    turn = expm1(-abs(logit))
    tilt = turn / (T(2) + turn)  # q - p, with its digits around 0
    return value, slope, epsilon * (tilt if logit > 0 else -tilt) - logit


@poly1_bce.hessian
def second_derivative(logit: Real, target: Unit, epsilon: Finite = 1.0) -> float:
    T = type(logit)
    p, q = sigmoid(logit), sigmoid(-logit)
    # q - p is 2 q - 1 or 1 - 2 p: where 1 + tilt (q - p) is near 0, the smaller of both keeps its digits.
    tilt = epsilon * (T(1) - T(2) * target)
    return p * q * (T(1) - tilt + T(2) * tilt * q if logit > 0 else T(1) + tilt - T(2) * tilt * p)


@hookimpl
def lossreg_component() -> Loss:
    return poly1_bce
