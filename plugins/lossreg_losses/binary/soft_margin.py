"""Soft margin: the logistic loss of a score against a side.

    value = log(1 + e^(-target prediction)) = softplus(-target prediction)
    slope = -target sigmoid(-target prediction)

Shapes: prediction and target of the same shape. Ranges: any prediction; target 1 or -1, of any type.
Source: Friedman, Hastie, Tibshirani (2000), doi:10.1214/aos/1016218223; PyTorch's SoftMarginLoss. Unlike there, a
prediction of -1000 gives 1000 and slope -1, and targets other than 1 and -1 are refused.

>>> soft_margin.at(-1000.0, 1.0)
(1000.0, -1.0)
"""

from lossreg.kernels.numerics import sigmoid, softplus
from lossreg.plugin import Loss, Real, Sign, hookimpl, loss


@loss
def soft_margin(prediction: Real, target: Sign) -> tuple[float, float]:
    return softplus(-target * prediction), -target * sigmoid(-target * prediction)


@soft_margin.hessian
def second_derivative(prediction: Real, target: Sign) -> float:
    return sigmoid(prediction) * sigmoid(-prediction)


@hookimpl
def lossreg_component() -> Loss:
    return soft_margin
