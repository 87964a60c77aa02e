"""Mean squared error: the square of the difference, without a factor 1/2.

    value = e^2        e = prediction - target

The slope is 2 e.

Shapes: prediction and target alike. Ranges: any numbers.
Source: Legendre (1805); PyTorch's MSELoss.

>>> mse.at(2.0, 2.5)
(0.25, -1.0)
"""

from lossreg import Loss, Real, hookimpl, loss


@loss
def mse(prediction: Real, target: Real) -> tuple[float, float]:
    error = prediction - target
    return error * error, error + error


@hookimpl
def lossreg_loss() -> Loss:
    return mse
