"""Generalised Jensen-Shannon divergence of two distributions, given by the logarithms of their probabilities.

    value = beta p (target - log(m)) + (1 - beta) q (prediction - log(m))        p = e^target, q = e^prediction
    slope = (1 - beta) q (prediction - log(m))                                   m = beta p + (1 - beta) q
    slope of the target = beta p (target - log(m))

These are of one element; the divergence of a batch of distributions is the sum divided by the number of distributions,
reduction batchmean. Its symmetric form has beta = 0.5. Over beta it goes to the divergence of `kl_div` at beta = 0.

Shapes: prediction and target of the same shape. Ranges: log-probabilities, -inf included; beta 0 to 1.
Exactness: where two probabilities are nearly equal, a term is a difference of near numbers.
Source: Lin (1991), doi:10.1109/18.61115; Agarwal et al. (2024), arXiv:2306.13649; Liger-Kernel's LigerJSD (0.8).

>>> jensen_shannon.at(-1.0, -1.0)
(0.0, 0.0, -0.0)
>>> jensen_shannon.at(-float("inf"), 0.0)
(0.34657359027997264, 0.0, 0.34657359027997264)
"""

from lossreg.kernels.numerics import INFINITY, difference, exp, expm1, log, log1p, weighted
from lossreg.plugin import LogProbability, Loss, Unit, hookimpl, loss


@loss
def jensen_shannon(prediction: LogProbability, target: LogProbability, beta: Unit = 0.5) -> tuple[float, float, float]:
    T = type(prediction)
    ahead = difference(prediction, target)
    rest, below = T(1) - beta, -abs(ahead)
    own, other = (beta, rest) if ahead < 0 else (rest, beta)
    # The larger of p and q over m is 1 / (own + other e^below); the log of the smaller one over m is less by below.
    drop = weighted(other, expm1(below))
    high, low = log(own), log(other) + below
    larger = -log1p(drop) if drop > T(-0.5) else -max(high, low) - log1p(exp(-abs(difference(high, low))))
    smaller = -log1p(weighted(own, expm1(-below))) if below > T(-30) else larger + below
    of_target, of_prediction = (larger, smaller) if ahead < 0 else (smaller, larger)
    slope = weighted(weighted(rest, exp(prediction)), of_prediction)
    target_slope = weighted(weighted(beta, exp(target)), of_target)
    # Of near-equal probabilities the two parts cancel but for what is quadratic in p / q - 1: their series, without it.
    change = expm1(ahead)
    series, power, mixture = T(0), change * change, T(1)
    for k in range(2, 28):
        series += power * mixture / T(k * (k - 1))
        power, mixture = -power * change, T(1) + rest * mixture
    close = exp(target) * rest * beta * series
    value = close if abs(change) < T(0.2) else slope + target_slope
    return slope if slope == INFINITY else value, slope, target_slope


@jensen_shannon.hessian
def second_derivative(prediction: LogProbability, target: LogProbability, beta: Unit = 0.5) -> float:
    T = type(prediction)
    ahead = difference(prediction, target)
    rest, below = T(1) - beta, -abs(ahead)
    own, other = (beta, rest) if ahead < 0 else (rest, beta)
    drop = weighted(other, expm1(below))
    high, low = log(own), log(other) + below
    larger = -log1p(drop) if drop > T(-0.5) else -max(high, low) - log1p(exp(-abs(difference(high, low))))
    smaller = -log1p(weighted(own, expm1(-below))) if below > T(-30) else larger + below
    # The share of p in the mixture: its derivative, beside that of q.
    share = weighted(own, exp(larger)) if ahead < 0 else weighted(other, exp(smaller))
    return weighted(rest * exp(prediction), (smaller if ahead < 0 else larger) + share)


@hookimpl
def lossreg_component() -> Loss:
    return jensen_shannon
