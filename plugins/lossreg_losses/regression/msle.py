"""Mean squared logarithmic error: the squared difference of the logarithms of 1 plus each, an error by ratio.

    value = d^2              d = log(1 + prediction) - log(1 + target)
    slope = 2 d / (1 + prediction), of the target -2 d / (1 + target)

Shapes: prediction and target of the same shape. Ranges: predictions above -1, inf at -1 and nan below; target 0 or
above.
Source: Keras' MeanSquaredLogarithmicError (3.15), which bounds both from below at 1e-7; XGBoost's
reg:squaredlogerror (3.2), which has half of it.

>>> msle.at(3.0, 1.0)
(0.4804530139182014, 0.34657359027997264, -0.6931471805599453)
"""

from math import copysign

from lossreg.kernels.numerics import INFINITY, log1p
from lossreg.plugin import Loss, NonNegative, Real, hookimpl, loss


@loss
def msle(prediction: Real, target: NonNegative) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    lower = prediction if error < 0 else target
    # log((1 + a) / (1 + b)) = log(1 + (a - b) / (1 + b)) keeps the digits that the two logarithms cancel.
    ratio = copysign(log1p(abs(error) / (T(1) + lower)) if lower > -1 else log1p(lower - (T(lower == -1))), error)
    slope = T(0) if prediction == INFINITY else T(2) * ratio / (T(1) + prediction)
    target_slope = T(0) if target == INFINITY else T(-2) * ratio / (T(1) + target)
    return ratio * ratio, slope, target_slope


@msle.hessian
def second_derivative(prediction: Real, target: NonNegative) -> float:
    T = type(prediction)
    error = prediction - target
    lower = prediction if error < 0 else target
    ratio = copysign(log1p(abs(error) / (T(1) + lower)) if lower > -1 else log1p(lower - (T(lower == -1))), error)
    below = T(1) + prediction
    return T(0) if prediction == INFINITY else T(2) * (T(1) - ratio) / below / below


@hookimpl
def lossreg_component() -> Loss:
    return msle
