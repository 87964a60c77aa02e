"""Mixture negative log-likelihood: the surprise at a target under a mixture of normal distributions.

    value = -log(sum_k w_k n_k)         w = softmax(logits)       n_k = e^(-z_k^2 / 2) / s_k
    slope of the logits = w_k - r_k     r_k = w_k n_k / sum_j w_j n_j
    slope of the means = r_k z_k / s_k            z_k = (means_k - target) / s_k
    slope of the log scales = r_k (1 - z_k^2)     s_k = e^(log_scales_k)

of a row with a number for each component k. With `full`, log(2 pi) / 2 is added.

Shapes: logits, means and log_scales (K), (N, K) or (N, K, d1, ...), with targets (), (N) or (N, d1, ...). Ranges: any
numbers.
Exactness: a slope of the logits is the difference of two rounded shares.
Source: Bishop (1994), Mixture Density Networks; PyTorch's torch.distributions.MixtureSameFamily.

>>> mixture_nll.at([0.0, 0.0], [1.0, 1.0], [0.0, 0.0], 0.0)
(0.5, [0.0, 0.0], [0.5, 0.5], [0.0, 0.0])
"""

from lossreg.kernels.numerics import (
    INFINITY,
    difference,
    exp,
    expm1,
    largest,
    log,
    ratio,
    shifted_difference,
    weighted,
)
from lossreg.plugin import ClassRow, Loss, Real, Slope, hookimpl, loss

FAR = 1e4
"""Distances in scales up to which the squares of two are compared by their means and scales."""


@loss
def mixture_nll(
    logits: ClassRow[Real],
    means: ClassRow[Real],
    log_scales: ClassRow[Real],
    target: Real,
    slope: Slope,
    mean_slope: Slope,
    scale_slope: Slope,
    full: bool = False,
) -> float:
    T, top = type(slope[0]), largest(logits)
    least, best = T(INFINITY), -T(INFINITY)
    for k in range(len(logits)):
        inverse, counts = exp(-log_scales[k]), difference(logits[k], top) > -T(INFINITY)
        z = weighted(means[k] - target, inverse)
        mean_slope[k], scale_slope[k], least = z, inverse, min(least, abs(z)) if counts else least
    # Less the square of the least, as squares may overflow; their difference is a product. Less has a weight of 0 only.
    base, near, level, centre = top, least, T(0), T(0)
    for k in range(len(logits)):
        own, mean, log_scale, size = logits[k], means[k], log_scales[k], abs(mean_slope[k])
        far = weighted(T(0) if size < least else difference(size, least), T(0.5) * (size + least)) + log_scale
        joint = difference(own, top) - far
        base, near = own if joint > best else base, size if joint > best else near
        level, centre = log_scale if joint > best else level, mean if joint > best else centre
        best = max(joint, best)
    # Less the terms of the best component: beside larger ones, of components without a share, digits are rounded away.
    for k in range(len(logits)):
        size, inverse, wider = abs(mean_slope[k]), scale_slope[k], difference(log_scales[k], level)
        far = weighted(T(0) if size < least else difference(size, near), T(0.5) * (size + near))
        # The same without the rounding errors of both distances, from the differences of the means and of the scales.
        apart, both = weighted(means[k] - centre, inverse), weighted(means[k] - target + (centre - target), inverse)
        close = T(0.5) * (apart * both + near * near * expm1(T(-2) * wider))
        far = close if (abs(wider) < T(1)) & (size < T(FAR)) & (near < T(FAR)) else far
        scale_slope[k] = difference(logits[k], base) - (far + wider)
    best = largest(scale_slope)
    # The largest of both shares is 1 less the others, whose difference keeps the digits of w_k - r_k.
    ties, prior, joint = T(0), T(0), T(0)
    for k in range(len(logits)):
        slope[k], scale_slope[k] = exp(difference(logits[k], top)), exp(difference(scale_slope[k], best))
        own, other = slope[k], scale_slope[k]
        leads = (own == 1) & (other == 1)
        ties += T(1) if leads else T(0)
        prior, joint = prior + (T(0) if leads else own), joint + (T(0) if leads else other)
    prior_rest, joint_rest = shifted_difference(ties, T(1), prior), shifted_difference(ties, T(1), joint)
    prior, joint = ties + prior, ties + joint
    rest = ratio(joint_rest, joint) - ratio(prior_rest, prior)
    for k in range(len(logits)):
        own, other, z = slope[k], scale_slope[k], mean_slope[k]
        leads, share = (own == 1) & (other == 1), ratio(other, joint)
        slope[k] = rest if leads else ratio(own, prior) - share
        mean_slope[k] = weighted(weighted(share, z), exp(-log_scales[k]))
        scale_slope[k] = weighted(share, (T(1) - z) * (T(1) + z))
    value = shifted_difference(log(prior), log(joint), difference(top, base) + (T(0.5) * near * near + (level - best)))
    return value + (T(0.9189385332046727) if full else T(0))


@hookimpl
def lossreg_component() -> Loss:
    return mixture_nll
