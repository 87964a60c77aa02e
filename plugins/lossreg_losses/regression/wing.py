"""Wing: logarithmic near the target, which makes small errors count, and linear beyond `width`.

    value = width log(1 + |e| / epsilon)                          |e| < width      e = prediction - target
          = |e| - width + width log(1 + width / epsilon)          otherwise
    slope = +-width / (epsilon + |e|) within the width, +-1 beyond, 0 where e is 0; of the target its negative

Shapes: prediction and target of the same shape. Ranges: any numbers; width above 0 and finite, epsilon above 0.
Source: Feng et al. (2018), arXiv:1711.06753, with their w = 10 and epsilon = 2.

>>> wing.at(2.0, 0.0)
(6.931471805599453, 2.5, -2.5)
>>> wing.at(-20.0, 0.0)[1:]
(-1.0, 1.0)
"""

from lossreg.kernels.numerics import log1p, sign
from lossreg.plugin import FinitePositive, Loss, Positive, Real, hookimpl, loss


@loss
def wing(
    prediction: Real, target: Real, width: FinitePositive = 10.0, epsilon: Positive = 2.0
) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    size = abs(error)
    near = size < width
    bound = size if near else width
    value = width * log1p(bound / epsilon) + (T(0) if near else size - width)
    slope = sign(error) * (width / (epsilon + size) if near else T(1))
    return value, slope, -slope


@wing.hessian
def second_derivative(prediction: Real, target: Real, width: FinitePositive = 10.0, epsilon: Positive = 2.0) -> float:
    T = type(prediction)
    size = abs(prediction - target)
    inside = (size < width) & (size > 0)
    return -width / (epsilon + size) / (epsilon + size) if inside else T(0)


@hookimpl
def lossreg_component() -> Loss:
    return wing
