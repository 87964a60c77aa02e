"""Symmetric mean absolute percentage error: the absolute error as a fraction of the mean size of both.

    value = 2 |e| / (|prediction| + |target|)                        e = prediction - target; 0 where both are 0
    slope = +-4 |target| / (|prediction| + |target|)^2 by the sign of e where both have the same sign, 0 elsewhere
    slope of the target = -+4 |prediction| / (|prediction| + |target|)^2 in the same places

The value is between 0 and 2, and 2 wherever the signs differ.

Shapes: prediction and target of the same shape. Ranges: any numbers.
Source: Makridakis (1993), doi:10.1016/0169-2070(93)90079-3, as in the M4 competition, which reports 100 times of it.

>>> smape.at(3.0, 1.0)
(1.0, 0.25, -0.75)
"""

from lossreg.kernels.numerics import ratio, sign, weighted
from lossreg.plugin import Loss, Real, hookimpl, loss


def over_square(factor: float, x: float, size: float) -> float:
    """Return factor x / size^2: a quotient x / size may be subnormal, with few digits, where this is ordinary."""
    T = type(x)
    inverse = T(1) / size
    scale = factor * (inverse * inverse)
    in_range = (abs(scale) > T(1e-30)) & (abs(scale) < T(1e30))
    return scale * x if in_range else weighted(factor, ratio(x, size) / size)


@loss
def smape(prediction: Real, target: Real) -> tuple[float, float, float]:
    T = type(prediction)
    error, size = prediction - target, abs(prediction) + abs(target)
    value = T(0) if size == 0 else T(2) * ratio(abs(error), size)
    together = ((prediction > 0) & (target > 0)) | ((prediction < 0) & (target < 0))
    push = T(4) * sign(error) if together else T(0)
    # Where both are 0 there is no push.
    size = size if together else T(1)
    slope = over_square(push, abs(target), size)
    return value, slope, -over_square(push, abs(prediction), size)


@smape.hessian
def second_derivative(prediction: Real, target: Real) -> float:
    T = type(prediction)
    size = abs(prediction) + abs(target)
    together = ((prediction > 0) & (target > 0)) | ((prediction < 0) & (target < 0))
    bend = T(-8) * sign(prediction - target) * sign(target) if together else T(0)
    size = size if together else T(1)
    return over_square(bend / size, abs(target), size)


@hookimpl
def lossreg_component() -> Loss:
    return smape
