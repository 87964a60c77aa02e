"""Expectile: the squared error with one weight above the target and another below.

    value = level (target - prediction)^2          prediction below the target
          = (1 - level) (prediction - target)^2    above it
    slope = 2 level (prediction - target) below, 2 (1 - level) (prediction - target) above; of the target its negative

The constant that has the smallest mean loss is the expectile of the targets at `level`; at 0.5 it is the mean, and the
value half of `mse`.

Shapes: prediction and target of the same shape. Ranges: any numbers; level 0 to 1.
Source: Newey and Powell (1987), doi:10.2307/1911031; XGBoost's reg:expectileerror (3.2), CatBoost's Expectile (1.2).

>>> expectile.at(1.0, 3.0, level=0.75)
(3.0, -3.0, 3.0)
"""

from lossreg.kernels.numerics import weighted
from lossreg.plugin import Loss, Real, Unit, hookimpl, loss


@loss
def expectile(prediction: Real, target: Real, level: Unit = 0.5) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    weight = level if error < 0 else T(1) - level
    slope = weighted(weight, T(2) * error)
    return weighted(weight, error * error), slope, -slope


@expectile.hessian
def second_derivative(prediction: Real, target: Real, level: Unit = 0.5) -> float:
    T = type(prediction)
    return T(2) * (level if prediction < target else T(1) - level)


@hookimpl
def lossreg_component() -> Loss:
    return expectile
