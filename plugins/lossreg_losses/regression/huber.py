"""Huber: quadratic within `delta` of the target, linear beyond it.

    value = e^2 / 2                   |e| <= delta      e = prediction - target
          = delta (|e| - delta / 2)   |e| >  delta

The slope is e clipped to [-delta, delta], and of the target its negative: a Huber step is a clipped L2 step. With
delta = inf it is half of `mse`. `weight` multiplies value and slopes; it may be an array that broadcasts to the
predictions. A mean divides by the number of elements, whatever the weights. The second derivative is 1 up to delta and
0 beyond it; a Newton step may take hessian="secant" in its place, the slope divided by e.

Shapes: prediction and target of the same shape. Ranges: any numbers; delta above 0; weights finite.
Source: Huber (1964), doi:10.1214/aoms/1177703732; PyTorch's HuberLoss. In LightGBM delta is 0.9.

>>> huber.at(0.5, 0.0)
(0.125, 0.5, -0.5)
>>> huber.at(3.0, 0.0)
(2.5, 1.0, -1.0)
"""

from math import copysign

from lossreg.kernels.numerics import weighted
from lossreg.plugin import Loss, Positive, Real, Scale, hookimpl, loss


@loss
def huber(prediction: Real, target: Real, delta: Positive = 1.0, weight: Scale = 1.0) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    clipped = min(abs(error), delta)
    half = T(0.5) * clipped
    value = clipped * (half if abs(error) <= delta else abs(error) - half)  # inf where both are inf
    slope = weighted(weight, copysign(clipped, error))
    return weighted(weight, value), slope, -slope


@huber.hessian
def second_derivative(prediction: Real, target: Real, delta: Positive = 1.0, weight: Scale = 1.0) -> float:
    return weighted(weight, type(prediction)(abs(prediction - target) <= delta))


@huber.surrogate
def secant(prediction: Real, target: Real, delta: Positive = 1.0, weight: Scale = 1.0) -> float:
    T = type(prediction)
    distance = abs(prediction - target)
    return weighted(weight, T(1) if distance <= delta else delta / distance)


@hookimpl
def lossreg_component() -> Loss:
    return huber
