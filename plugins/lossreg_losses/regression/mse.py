"""Mean squared error: the square of the difference, without a factor 1/2.

    value = weight e^2        e = prediction - target

The slope is 2 weight e, and of the target its negative. `weight` is how much an element counts; it may be an array that
broadcasts to the predictions. A mean divides by the sum of the weights.

Shapes: prediction and target of the same shape. Ranges: any numbers; weights finite.
Source: Legendre (1805); PyTorch's MSELoss. scikit-learn's HalfSquaredError and XGBoost's reg:squarederror are half of
it, CatBoost's RMSE is the root of its mean.

>>> mse.at(2.0, 2.5)
(0.25, -1.0, 1.0)
"""

from lossreg.kernels.numerics import weighted
from lossreg.plugin import Loss, Real, Weight, hookimpl, loss


@loss
def mse(prediction: Real, target: Real, weight: Weight = 1.0) -> tuple[float, float, float]:
    error = prediction - target
    slope = weighted(weight, error + error)
    return weighted(weight, error * error), slope, -slope


@mse.hessian
def second_derivative(prediction: Real, target: Real, weight: Weight = 1.0) -> float:
    return weighted(weight, type(prediction)(2))


@hookimpl
def lossreg_component() -> Loss:
    return mse
