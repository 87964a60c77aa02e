"""Huber: quadratic within `delta` of the target, linear beyond it.

    value = e^2 / 2                   |e| <= delta      e = prediction - target
          = delta (|e| - delta / 2)   |e| >  delta

The slope is e clipped to [-delta, delta]: a Huber step is a clipped L2 step. With delta = inf it is half of `mse`.

Shapes: prediction and target alike. Ranges: any numbers; delta above 0.
Source: Huber (1964), doi:10.1214/aoms/1177703732; PyTorch's HuberLoss.

>>> huber.at(0.5, 0.0)
(0.125, 0.5)
>>> huber.at(3.0, 0.0)
(2.5, 1.0)
"""

from math import copysign

from lossreg import Loss, Positive, Real, hookimpl, loss


@loss
def huber(prediction: Real, target: Real, delta: Positive = 1.0) -> tuple[float, float]:
    T = type(prediction)
    error = prediction - target
    clipped = min(abs(error), delta)
    return clipped * (abs(error) - T(0.5) * clipped), copysign(clipped, error)


@hookimpl
def lossreg_loss() -> Loss:
    return huber
