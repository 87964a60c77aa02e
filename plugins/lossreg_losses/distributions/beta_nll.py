"""Beta-NLL: the Gaussian negative log-likelihood with each element weighted by a power of its variance.

    value = v^beta (log(v) + (prediction - target)^2 / v) / 2        v = variance
    slope = v^beta (prediction - target) / v, of the target its negative
    slope of the variance = v^beta (1 - (prediction - target)^2 / v) / (2 v)

The weight v^beta is a constant to the slopes, so the slope of the variance is not the derivative of the value: the
weights only change how much each element counts. With beta = 0 it is the Gaussian likelihood; with beta = 1 the slope
of the prediction is the one of half of `mse`, so that points with a large variance are not given up.

Shapes: prediction and target of the same shape; variance too, or with a last axis of 1, without it, or a single number.
Ranges: any numbers; variance above 0; beta 0 to 1.
Exactness: at variances whose inverse square overflows, a slope does too.
Source: Seitzer et al. (2022), arXiv:2203.09168, with their beta = 0.5.

>>> beta_nll.at(1.0, 0.0, 4.0, beta=0.5)
(1.6362943611198906, 0.5, -0.5, 0.1875)
"""

from lossreg.kernels.numerics import INFINITY, exp, log, weighted
from lossreg.plugin import Broadcast, Loss, Positive, Real, Unit, hookimpl, loss


@loss
def beta_nll(
    prediction: Real, target: Real, variance: Broadcast[Positive], beta: Unit = 0.5
) -> tuple[float, float, float, float]:
    T = type(prediction)
    logarithm, error = log(variance), prediction - target
    weight = exp(weighted(beta, logarithm))
    # An infinite variance to the power of beta outweighs what it divides only if beta is 1.
    scaled, bounded = error / variance, weight < INFINITY
    share = weight / variance if bounded else T(beta == 1)
    slope = weighted(error, share)
    value = T(0.5) * (weighted(weight, logarithm) + slope * error)
    return value, slope, -slope, T(0.5) * share - T(0.5) * slope * scaled


@beta_nll.hessian
def second_derivative(prediction: Real, target: Real, variance: Broadcast[Positive], beta: Unit = 0.5) -> float:
    T = type(prediction)
    return exp((beta - T(1)) * log(variance))


@hookimpl
def lossreg_component() -> Loss:
    return beta_nll
