"""Mean absolute percentage error: the absolute error as a fraction of the target.

    value = |e| / max(|target|, eps)              e = prediction - target
    slope = +-1 / max(|target|, eps), 0 where e is 0
    slope of the target = -+prediction / target^2 by the sign of e, and that of 1 / eps where eps bounds the target

A fraction: Keras reports 100 times of it.

Shapes: prediction and target of the same shape. Ranges: any numbers; eps above 0.
Source: scikit-learn's mean_absolute_percentage_error (1.9), with eps 2.2e-16; Keras' MeanAbsolutePercentageError
(3.15), with eps 1e-7; LightGBM and CatBoost have eps 1.

>>> mape.at(3.0, 4.0)
(0.25, -0.25, 0.1875)
"""

from lossreg.kernels.numerics import ratio, sign
from lossreg.plugin import Loss, Positive, Real, hookimpl, loss


@loss
def mape(prediction: Real, target: Real, eps: Positive = 1e-7) -> tuple[float, float, float]:
    error = prediction - target
    bounded = abs(target) <= eps
    size = eps if bounded else abs(target)
    slope = sign(error) / size
    target_slope = -slope if bounded else -sign(error) * (prediction / target) / size
    return ratio(abs(error), size), slope, target_slope


@mape.hessian
def second_derivative(prediction: Real, target: Real, eps: Positive = 1e-7) -> float:
    return type(prediction)(0)


@hookimpl
def lossreg_component() -> Loss:
    return mape
