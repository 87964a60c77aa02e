"""Binary cross-entropy of a logit: the surprise at the target under the probability sigmoid(logit).

    value = weight (pos_weight t softplus(-logit) + (1 - t) softplus(logit))        t = (1 - s) target + s / 2
    slope = weight ((1 - t) sigmoid(logit) - pos_weight t sigmoid(-logit))
    slope of the target = (1 - s) weight (pos_weight softplus(-logit) - softplus(logit))

with s = `label_smoothing`, which PyTorch does not have. `pos_weight` is how much the positive side counts, `weight` how
much an element does; both may be arrays that broadcast to the logits. A mean divides by the number of elements,
whatever the weights. A logit of inf or -inf gives the limit.

Shapes: logit and target of the same shape. Ranges: any logit; target 0 to 1, of any type; weights finite; label
smoothing 0 to 1.
Source: Good (1952), Rational Decisions; PyTorch's BCEWithLogitsLoss; Keras' BinaryCrossentropy (3.15) for the
smoothing. Unlike there, targets outside 0 to 1 are refused.

>>> bce_with_logits.at(0.0, 1.0)
(0.6931471805599453, -0.5, 0.0)
>>> bce_with_logits.at(1000.0, 0.0)
(1000.0, 1.0, -1000.0)
"""

from lossreg.kernels.numerics import exp, log1p, sigmoid, softplus, weighted
from lossreg.plugin import Loss, Real, Scale, Unit, hookimpl, loss


@loss
def bce_with_logits(
    logit: Real, target: Unit, weight: Scale = 1.0, pos_weight: Scale = 1.0, label_smoothing: Unit = 0.0
) -> tuple[float, float, float]:
    T = type(logit)
    sharp = T(1) - label_smoothing
    mixed = sharp * target + T(0.5) * label_smoothing
    positive, negative = pos_weight * mixed, T(1) - mixed
    value = weighted(positive, softplus(-logit)) + weighted(negative, softplus(logit))
    slope = negative * sigmoid(logit) - positive * sigmoid(-logit)
    # What the two softplus share is left out: with pos_weight 1 the target's slope is -logit to the last digit.
    ramp = weighted(pos_weight, max(-logit, T(0))) - max(logit, T(0))
    target_slope = ramp + (pos_weight - T(1)) * log1p(exp(-abs(logit)))
    return weighted(weight, value), weighted(weight, slope), weighted(sharp * weight, target_slope)


@bce_with_logits.hessian
def second_derivative(
    logit: Real, target: Unit, weight: Scale = 1.0, pos_weight: Scale = 1.0, label_smoothing: Unit = 0.0
) -> float:
    T = type(logit)
    mixed = (T(1) - label_smoothing) * target + T(0.5) * label_smoothing
    return weighted(weight, (pos_weight * mixed + (T(1) - mixed)) * (sigmoid(logit) * sigmoid(-logit)))


@hookimpl
def lossreg_component() -> Loss:
    return bce_with_logits
