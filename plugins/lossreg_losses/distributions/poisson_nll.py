"""Poisson negative log-likelihood of a count, given its rate or the logarithm of its rate.

    value = e^prediction - target prediction                                   slope = e^prediction - target
          = prediction - target log(prediction + eps)    without log_input     slope = 1 - target / (prediction + eps)

With `full`, log(target!) is added, which does not depend on the prediction: by default, as PyTorch has it, Stirling's
target log(target) - target + log(2 pi target) / 2 where the target is above 1, and nothing up to there; with `full` and
without `stirling` log(target!) itself, of every target. The slope of the target is minus the logarithm, and with `full`
more: above 1 log(target) + 1 / (2 target), or, without `stirling`, everywhere digamma(target + 1).

Shapes: prediction and target of the same shape. Ranges: any prediction, a rate from 0 without log_input (below, nan);
target 0 or above.
Source: Fisher (1922); PyTorch's PoissonNLLLoss. Keras' Poisson is the one of rates, with eps = 1e-7.

>>> poisson_nll.at(0.0, 2.0)
(1.0, -1.0, -0.0)
>>> round(poisson_nll.at(0.0, 2.0, full=True, stirling=False)[0] - 1.0, 15)  # log(2!)
0.693147180559945
"""

from lossreg.kernels.numerics import INFINITY, exp, expm1, log, log1p, sqrt, stirling_error, weighted
from lossreg.plugin import Loss, NonNegative, Positive, Real, hookimpl, loss


@loss
def poisson_nll(
    prediction: Real,
    target: NonNegative,
    eps: Positive = 1e-8,
    log_input: bool = True,
    full: bool = False,
    stirling: bool = True,
) -> tuple[float, float, float]:
    T = type(prediction)
    if log_input:
        root = exp(T(0.5) * prediction)
        rate, logarithm = root * root, prediction
    else:
        rate = prediction + eps
        # What rounding took from the rate counts beside a logarithm of 0.
        logarithm = log(rate) + (T(0) if rate == INFINITY else (eps - (rate - prediction)) / rate)
    product = T(0) if logarithm == 0 else weighted(target, logarithm)
    if log_input:
        # What is left of an overflowing rate may be a number, or -inf.
        value = rate - product if rate < INFINITY else root * (root - weighted(target / root, prediction))
        slope = rate - target if rate < INFINITY else root * (root - target / root)
        slope = expm1(prediction) + (T(1) - target) if abs(prediction) < T(0.5) else slope
    else:
        value = prediction if prediction == INFINITY else prediction - product
        slope = T(1) - (T(0) if target == 0 else target / rate)
    target_slope = -logarithm
    if full:
        # With x the rate / target: target (x - 1 - log(x)) keeps the digits that its large parts cancel. Both parts are
        # from the same rounded x: the difference of the prediction and log(target) has the rounding errors of numbers
        # up to 90, or 700, which the exponential would multiply.
        if log_input:
            apart = prediction - log(target)
            ratio = root / sqrt(target)
            growth = (ratio - T(1)) * (ratio + T(1))
            ahead = T(2) * log(ratio) if ratio > T(2.0**-100) else apart
        else:
            growth = (rate - target) / target if target < INFINITY else T(-1)
            ahead = log1p(growth) if abs(growth) < T(0.5) else T(2) * log(sqrt(rate) / sqrt(target))
            apart = ahead
        beyond = growth if growth == INFINITY else growth - ahead
        excess = rate - target - target * ahead if (growth > T(3)) & (rate < INFINITY) else target * beyond
        approximation = excess + T(0.5) * log(target) + T(0.9189385332046727) - (T(0) if log_input else eps)
        value = approximation if target > 1 else value
        target_slope = T(0.5) / target - apart if target > 1 else target_slope
        if not stirling:
            error, error_slope = stirling_error(target)
            # Beside a value near 1 the rate, as the square of a root, has rounding errors to be seen: up to 4.5 ulp.
            near = log_input & (abs(prediction) < T(1)) & (target <= T(1))
            value = expm1(prediction) + (T(1) - (product - error)) if near else value + error
            target_slope += error_slope
    return value, slope, target_slope


@poisson_nll.hessian
def second_derivative(
    prediction: Real,
    target: NonNegative,
    eps: Positive = 1e-8,
    log_input: bool = True,
    full: bool = False,
    stirling: bool = True,
) -> float:
    rate = prediction + eps
    return exp(prediction) if log_input else target / rate / rate


@hookimpl
def lossreg_component() -> Loss:
    return poisson_nll
