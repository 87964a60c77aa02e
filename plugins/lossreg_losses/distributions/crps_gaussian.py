"""Continuous ranked probability score of a normal distribution: how far it is from the step at the target.

    value = scale (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi))       z = (prediction - target) / scale
    slope = 2 Phi(z) - 1 = erf(z / sqrt(2)), of the target its negative
    slope of the scale = 2 phi(z) - 1 / sqrt(pi)

with Phi and phi the distribution function and the density of the standard normal distribution. The score has the unit
of the target, is proper, and is the absolute error where the scale is 0.

Shapes: prediction and target of the same shape; scale too, or with a last axis of 1, without it, or a single number.
Ranges: any numbers; scale above 0.
Source: Gneiting and Raftery (2007), doi:10.1198/016214506000001437; properscoring's crps_gaussian (0.1).

>>> crps_gaussian.at(0.0, 0.0, 1.0)[0]
0.23369497725510913
"""

from lossreg.kernels.numerics import erf, exp
from lossreg.plugin import Broadcast, Loss, Positive, Real, hookimpl, loss

HALF_ROOT = 0.7071067811865476
DENSITY = 0.7978845608028654  # 2 phi(0)
MEAN = 0.5641895835477563  # 1 / sqrt(pi)


@loss
def crps_gaussian(prediction: Real, target: Real, scale: Broadcast[Positive]) -> tuple[float, float, float, float]:
    T = type(prediction)
    error = prediction - target
    z = error / scale
    slope = erf(T(HALF_ROOT) * z)
    scale_slope = T(DENSITY) * exp(T(-0.5) * z * z) - T(MEAN)
    return error * slope + scale * scale_slope, slope, -slope, scale_slope


@crps_gaussian.hessian
def second_derivative(prediction: Real, target: Real, scale: Broadcast[Positive]) -> float:
    T = type(prediction)
    z = (prediction - target) / scale
    return T(DENSITY) * exp(T(-0.5) * z * z) / scale


@hookimpl
def lossreg_component() -> Loss:
    return crps_gaussian
