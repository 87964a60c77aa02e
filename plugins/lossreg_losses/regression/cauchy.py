"""Cauchy (Lorentzian): grows with the logarithm of the error, so that a single outlier counts little.

    value = log(1 + (e / scale)^2 / 2)                   e = prediction - target
    slope = e / scale^2 / (1 + (e / scale)^2 / 2)        of the target its negative

It is `general_robust` with alpha = 0. The slope is largest at e = sqrt(2) scale and goes to 0 beyond.

Shapes: prediction and target of the same shape. Ranges: any numbers; scale above 0.
Source: Barron (2019), arXiv:1701.03077; Kornia's cauchy_loss, which has scale 1.

>>> cauchy.at(2.0, 0.0)
(1.0986122886681098, 0.6666666666666666, -0.6666666666666666)
"""

from lossreg.kernels.numerics import log1p_square
from lossreg.plugin import Loss, Positive, Real, hookimpl, loss

HALF_ROOT = 0.7071067811865476


@loss
def cauchy(prediction: Real, target: Real, scale: Positive = 1.0) -> tuple[float, float, float]:
    T = type(prediction)
    z = (prediction - target) / scale
    # Far out both parts of the quotient are divided by z, whose square may overflow.
    far = abs(z) > T(1e9)
    slope = (T(1) if far else z) / (T(0.5) * z if far else T(1) + T(0.5) * z * z) / scale
    return log1p_square(T(HALF_ROOT) * z), slope, -slope


@cauchy.hessian
def second_derivative(prediction: Real, target: Real, scale: Positive = 1.0) -> float:
    T = type(prediction)
    z = (prediction - target) / scale
    half = T(0.5) * z * z
    # Where the square overflows the quotient is 0.
    share = T(1) / (T(1) + half)
    return share * (T(2) * share - T(1)) / scale / scale


@hookimpl
def lossreg_component() -> Loss:
    return cauchy
