"""Geman-McClure: saturates at 2, with a slope that falls with the cube of the error.

    value = 2 z^2 / (z^2 + 4)              z = (prediction - target) / scale
    slope = 16 z / (z^2 + 4)^2 / scale     of the target its negative

It is `general_robust` with alpha = -2.

Shapes: prediction and target of the same shape. Ranges: any numbers; scale above 0.
Source: Geman and McClure (1985); Barron (2019), arXiv:1701.03077; Kornia's geman_mcclure_loss, which has scale 1.

>>> geman_mcclure.at(2.0, 0.0)
(1.0, 0.5, -0.5)
"""

from lossreg.kernels.numerics import weighted
from lossreg.plugin import Loss, Positive, Real, hookimpl, loss


@loss
def geman_mcclure(prediction: Real, target: Real, scale: Positive = 1.0) -> tuple[float, float, float]:
    T = type(prediction)
    half = T(0.5) * ((prediction - target) / scale)
    # With both parts of the quotient divided by the power of z that may overflow.
    near = abs(half) <= 1
    part = half if near else T(1) / half
    square = part * part
    share = T(1) / (T(1) + square)
    slope = T(2) * part * share * share * (T(1) if near else square) / scale
    return T(2) * share * (square if near else T(1)), slope, -slope


@geman_mcclure.hessian
def second_derivative(prediction: Real, target: Real, scale: Positive = 1.0) -> float:
    T = type(prediction)
    half = T(0.5) * ((prediction - target) / scale)
    near = abs(half) <= 1
    part = half if near else T(1) / half
    square = part * part
    share = T(1) / (T(1) + square)
    bend = T(1) - T(3) * square if near else square * square * (square - T(3))
    narrow = T(1) / scale
    return weighted(weighted(bend * share * share * share, narrow), narrow)


@hookimpl
def lossreg_component() -> Loss:
    return geman_mcclure
