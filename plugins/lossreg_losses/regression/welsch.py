"""Welsch (Leclerc): saturates at 1, so that an outlier has no slope.

    value = 1 - e^(-(e / scale)^2 / 2)             e = prediction - target
    slope = e / scale^2 e^(-(e / scale)^2 / 2)     of the target its negative

It is `general_robust` with alpha = -inf. The slope is largest at e = scale.

Shapes: prediction and target of the same shape. Ranges: any numbers; scale above 0.
Source: Dennis and Welsch (1978), doi:10.1080/03610917808812083; Barron (2019), arXiv:1701.03077; Kornia's welsch_loss,
which has scale 1.

>>> welsch.at(0.0, 0.0)
(0.0, 0.0, -0.0)
>>> welsch.at(1e200, 0.0)
(1.0, 0.0, -0.0)
"""

from lossreg.kernels.numerics import exp, expm1, weighted
from lossreg.plugin import Loss, Positive, Real, hookimpl, loss


@loss
def welsch(prediction: Real, target: Real, scale: Positive = 1.0) -> tuple[float, float, float]:
    T = type(prediction)
    z = (prediction - target) / scale
    exponent = T(-0.5) * z * z
    slope = weighted(exp(exponent), z) / scale
    return -expm1(exponent), slope, -slope


@welsch.hessian
def second_derivative(prediction: Real, target: Real, scale: Positive = 1.0) -> float:
    T = type(prediction)
    z = (prediction - target) / scale
    return weighted(exp(T(-0.5) * z * z), (T(1) - z) * (T(1) + z)) / scale / scale


@hookimpl
def lossreg_component() -> Loss:
    return welsch
