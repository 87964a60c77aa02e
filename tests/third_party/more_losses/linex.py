"""Linex: exponential on one side of the target and nearly linear on the other.

value = expm1(rate e) - rate e        e = prediction - target
slope = rate expm1(rate e)

Shapes: prediction and target of the same shape. Ranges: any finite numbers; rate above 0 and finite.
Source: Varian (1975), A Bayesian approach to real estate assessment.

>>> linex.at(0.0, 0.0)
(0.0, 0.0, -0.0)
"""

from lossreg.kernels.numerics import expm1
from lossreg.plugin import Finite, FinitePositive, Loss, hookimpl, loss


@loss
def linex(prediction: Finite, target: Finite, rate: FinitePositive = 1.0) -> tuple[float, float, float]:
    scaled = rate * (prediction - target)
    rise = expm1(scaled)
    slope = rate * rise
    return rise - scaled, slope, -slope


@hookimpl
def lossreg_component() -> Loss:
    return linex
