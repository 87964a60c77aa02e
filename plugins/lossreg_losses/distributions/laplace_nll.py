"""Laplace negative log-likelihood: the surprise at a target under a double exponential that has its own scale.

    value = log(scale) + |prediction - target| / scale
    slope = +-1 / scale, 0 where prediction and target are equal; of the target its negative
    slope of the scale = (1 - |prediction - target| / scale) / scale

With `full`, log(2) is added.

Shapes: prediction and target of the same shape; scale too, or with a last axis of 1, without it, or a single number.
Ranges: any numbers; scale above 0.
Source: Laplace (1774); PyTorch's torch.distributions.Laplace.

>>> laplace_nll.at(3.0, 1.0, 1.0)
(2.0, 1.0, -1.0, -1.0)
"""

from lossreg.kernels.numerics import LN2, log, ratio, sign
from lossreg.plugin import Broadcast, Loss, Positive, Real, hookimpl, loss


@loss
def laplace_nll(
    prediction: Real, target: Real, scale: Broadcast[Positive], full: bool = False
) -> tuple[float, float, float, float]:
    T = type(prediction)
    error = prediction - target
    slope = sign(error) / scale
    value = log(scale) + abs(error) / scale + (T(LN2) if full else T(0))
    return value, slope, -slope, ratio(scale - abs(error), scale) / scale


@laplace_nll.hessian
def second_derivative(prediction: Real, target: Real, scale: Broadcast[Positive], full: bool = False) -> float:
    return type(prediction)(0)


@hookimpl
def lossreg_component() -> Loss:
    return laplace_nll
