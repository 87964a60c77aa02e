"""Generalised Jensen-Shannon divergence of two distributions, given by the logarithms of their probabilities.

    value = beta p (target - log(m)) + (1 - beta) q (prediction - log(m))        p = e^target, q = e^prediction
    slope = (1 - beta) q (prediction - log(m))                                   m = beta p + (1 - beta) q
    slope of the target = beta p (target - log(m))

These are of one element; the divergence of a batch of distributions is the sum divided by the number of distributions,
reduction batchmean. Its symmetric form has beta = 0.5. Over beta it goes to the divergence of `kl_div` at beta = 0.

Shapes: prediction and target of the same shape. Ranges: log-probabilities, -inf included; beta 0 to 1.
Source: Lin (1991), doi:10.1109/18.61115; Agarwal et al. (2024), arXiv:2306.13649; Liger-Kernel's LigerJSD (0.8).

>>> jensen_shannon.at(-1.0, -1.0)
(0.0, 0.0, -0.0)
>>> jensen_shannon.at(-float("inf"), 0.0)
(0.34657359027997264, 0.0, 0.34657359027997264)
"""

from lossreg.kernels.numerics import INFINITY, atanh_remainder, difference, exp, expm1, log1p, log_sum, weighted
from lossreg.plugin import LogProbability, Loss, Unit, hookimpl, loss


@loss
def jensen_shannon(prediction: LogProbability, target: LogProbability, beta: Unit = 0.5) -> tuple[float, float, float]:
    T = type(prediction)
    ahead, rest = difference(prediction, target), T(1) - beta
    of_prediction, of_target, fall, ratio = logs_over_mixture(ahead, beta)
    p, q = exp(target), exp(prediction)
    slope, target_slope = weighted(rest * q, of_prediction), weighted(beta * p, of_target)
    # The value without cancellation, for P of the larger weight, the other (1 + c) P, and the smaller weight w:
    # P (w h(c) - h(w c)) where h(x) = (1 + x) log(1 + x) - x = x s (1 + s (1 + s) r(s^2)), s = x / (2 + x).
    swapped = beta < rest
    c = -fall / ratio if (-ahead if swapped else ahead) > 0 else fall
    w = beta if swapped else rest
    by_one, by_other = T(1) / (T(2) + c), T(1) / (T(2) + w * c)
    s1, s2 = c * by_one, w * c * by_other
    bend1 = s1 * s1 * (T(1) + s1) * atanh_remainder(s1 * s1)
    bend2 = s2 * s2 * (T(1) + s2) * atanh_remainder(s2 * s2)
    close = (q if swapped else p) * w * (T(2) * (T(1) - w) * (c * s1) * by_other + c * (bend1 - bend2))
    value = close if abs(ahead) < T(1) else slope + target_slope
    return slope if slope == INFINITY else value, slope, target_slope


def logs_over_mixture(ahead: float, beta: float) -> tuple[float, float, float, float]:
    """log(q / m) and log(p / m), and the ratio of the smaller of p and q to the larger one: less 1, and itself."""
    T = type(ahead)
    rest, below = T(1) - beta, -abs(ahead)
    own, other = (beta, rest) if ahead < 0 else (rest, beta)
    fall, ratio = expm1(below), exp(below)
    # m over the larger of p and q, as a sum without cancellation unless it is near 1.
    near = other * fall > T(-0.5)
    larger = -log_sum(T(1) if near else own, other * fall if near else other * ratio)
    smaller = -log1p(-own * fall / ratio) if below > T(-30) else larger + below
    return smaller if ahead < 0 else larger, larger if ahead < 0 else smaller, fall, ratio


@jensen_shannon.hessian
def second_derivative(prediction: LogProbability, target: LogProbability, beta: Unit = 0.5) -> float:
    T = type(prediction)
    ahead, rest = difference(prediction, target), T(1) - beta
    of_prediction, _, _, ratio = logs_over_mixture(ahead, beta)
    # The share of p in the mixture: its derivative, beside that of q.
    own, other = (beta, rest * ratio) if ahead < 0 else (beta * ratio, rest)
    return weighted(rest * exp(prediction), of_prediction + own / (own + other))


@hookimpl
def lossreg_component() -> Loss:
    return jensen_shannon
