"""Smooth L1: quadratic within `beta` of the target, linear with slope 1 beyond it.

    value = e^2 / (2 beta)    |e| <= beta      e = prediction - target
          = |e| - beta / 2    |e| >  beta

`huber` divided by its delta. With beta = 0 it is `l1`, and the slope at e = 0 is 0. The target's slope is the negative.
The second derivative is 1 / beta up to beta and 0 beyond it; a Newton step may take hessian="secant" in its place, the
slope divided by e, at most 1000.

Shapes: prediction and target of the same shape. Ranges: any numbers; beta 0 or above.
Source: Girshick (2015), Fast R-CNN, doi:10.1109/ICCV.2015.169; PyTorch's SmoothL1Loss.

>>> smooth_l1.at(0.5, 0.0)
(0.125, 0.5, -0.5)
>>> smooth_l1.at(3.0, 0.0, beta=0.0)
(3.0, 1.0, -1.0)
"""

from lossreg.kernels.numerics import sign
from lossreg.plugin import Loss, NonNegative, Real, hookimpl, loss


@loss
def smooth_l1(prediction: Real, target: Real, beta: NonNegative = 1.0) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    distance = abs(error)
    near = distance / beta if distance < beta else T(1)
    value = T(0.5) * distance * near if distance < beta else distance - T(0.5) * beta
    return value, near * sign(error), -near * sign(error)


@smooth_l1.hessian
def second_derivative(prediction: Real, target: Real, beta: NonNegative = 1.0) -> float:
    T = type(prediction)
    return T(1) / beta if abs(prediction - target) < beta else T(0)


@smooth_l1.surrogate
def secant(prediction: Real, target: Real, beta: NonNegative = 1.0) -> float:
    T = type(prediction)
    return T(1) / max(abs(prediction - target), beta, T(0.001))


@hookimpl
def lossreg_component() -> Loss:
    return smooth_l1
