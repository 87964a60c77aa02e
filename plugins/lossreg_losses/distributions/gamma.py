"""Gamma negative log-likelihood of a positive number, given the logarithm of its mean.

    value = prediction + target e^-prediction
    slope = 1 - target e^-prediction             of the target e^-prediction

What does not depend on the prediction is left out: half of the gamma deviance is this less log(target) + 1.

Shapes: prediction and target of the same shape. Ranges: any prediction; target 0 or above.
Source: McCullagh and Nelder (1989), Generalized Linear Models; scikit-learn's HalfGammaLoss (1.9), XGBoost's reg:gamma
(3.2), LightGBM's gamma (4.7).

>>> gamma.at(0.0, 2.0)
(2.0, -1.0, 1.0)
"""

from lossreg.kernels.numerics import INFINITY, exp, expm1, weighted
from lossreg.plugin import Loss, NonNegative, Real, hookimpl, loss


@loss
def gamma(prediction: Real, target: NonNegative) -> tuple[float, float, float]:
    T = type(prediction)
    # As a square, of which no factor overflows before the product does.
    root = exp(T(-0.5) * prediction)
    ratio = T(0) if target == 0 else target * root * root
    near = expm1(-prediction)
    slope = (T(1) - target) - weighted(near, target) if abs(prediction) < T(0.5) else T(1) - ratio
    return ratio if ratio == INFINITY else prediction + ratio, slope, root * root


@gamma.hessian
def second_derivative(prediction: Real, target: NonNegative) -> float:
    root = exp(type(prediction)(-0.5) * prediction)
    return type(prediction)(0) if target == 0 else target * root * root


@hookimpl
def lossreg_component() -> Loss:
    return gamma
