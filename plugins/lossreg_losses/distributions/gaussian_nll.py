"""Gaussian negative log-likelihood: the surprise at a target under a normal distribution that has its own variance.

    value = (log(v) + (prediction - target)^2 / v) / 2        v = max(variance, eps)
    slope = (prediction - target) / v, of the target its negative
    slope of the variance = (1 - (prediction - target)^2 / v) / (2 v)

With `full`, log(2 pi) / 2 is added. The slope of the variance is the one at v, also where eps bounds it.

Shapes: prediction of any shape; target and variance of the same shape, or with length 1 along some of its axes, or a
single number; target also without first axes, and variance without the last one.
Ranges: any numbers; variance 0 or above; eps above 0.
Source: Nix and Weigend (1994), doi:10.1109/ICNN.1994.374138; PyTorch's GaussianNLLLoss. CatBoost's
RMSEWithUncertainty takes the logarithm of the standard deviation.

>>> gaussian_nll.at(1.0, 0.0, 1.0)
(0.5, 1.0, -1.0, 0.0)
"""

from lossreg.kernels.numerics import log
from lossreg.plugin import Broadcast, Loss, NonNegative, Positive, Real, hookimpl, loss


@loss
def gaussian_nll(
    prediction: Real,
    target: Broadcast[Real],
    variance: Broadcast[NonNegative],
    eps: Positive = 1e-6,
    full: bool = False,
) -> tuple[float, float, float, float]:
    T = type(prediction)
    v = max(variance, eps)
    error = prediction - target
    slope = error / v
    value = T(0.5) * (log(v) + error * slope) + (T(0.9189385332046727) if full else T(0))
    return value, slope, -slope, T(0.5) * (T(1) / v - slope * slope)


@gaussian_nll.hessian
def second_derivative(
    prediction: Real,
    target: Broadcast[Real],
    variance: Broadcast[NonNegative],
    eps: Positive = 1e-6,
    full: bool = False,
) -> float:
    return type(prediction)(1) / max(variance, eps)


@hookimpl
def lossreg_component() -> Loss:
    return gaussian_nll
