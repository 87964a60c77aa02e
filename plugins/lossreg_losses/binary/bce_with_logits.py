"""Binary cross-entropy of a logit: the surprise at the target under the probability sigmoid(logit).

    value = weight (pos_weight target softplus(-logit) + (1 - target) softplus(logit))
    slope = weight ((1 - target) sigmoid(logit) - pos_weight target sigmoid(-logit))
    slope of the target = weight (pos_weight softplus(-logit) - softplus(logit))

`pos_weight` is how much the positive side counts, `weight` how much an element does; both may be arrays that broadcast
to the logits. A mean divides by the number of elements, whatever the weights. A logit of inf or -inf gives the limit.

Shapes: logit and target of the same shape. Ranges: any logit; target 0 to 1, of any type; weights finite.
Source: Good (1952), Rational Decisions; PyTorch's BCEWithLogitsLoss. Unlike there, targets outside 0 to 1 are refused.

>>> bce_with_logits.at(0.0, 1.0)
(0.6931471805599453, -0.5, 0.0)
>>> bce_with_logits.at(1000.0, 0.0)
(1000.0, 1.0, -1000.0)
"""

from lossreg.kernels.numerics import exp, log1p, sigmoid, softplus, weighted
from lossreg.plugin import Loss, Real, Scale, Unit, hookimpl, loss


@loss
def bce_with_logits(
    logit: Real, target: Unit, weight: Scale = 1.0, pos_weight: Scale = 1.0
) -> tuple[float, float, float]:
    T = type(logit)
    positive, negative = pos_weight * target, T(1) - target
    value = weighted(positive, softplus(-logit)) + weighted(negative, softplus(logit))
    slope = negative * sigmoid(logit) - positive * sigmoid(-logit)
    # What the two softplus share is left out: with pos_weight 1 the target's slope is -logit to the last digit.
    ramp = weighted(pos_weight, max(-logit, T(0))) - max(logit, T(0))
    target_slope = ramp + (pos_weight - T(1)) * log1p(exp(-abs(logit)))
    return weighted(weight, value), weighted(weight, slope), weighted(weight, target_slope)


@bce_with_logits.hessian
def second_derivative(logit: Real, target: Unit, weight: Scale = 1.0, pos_weight: Scale = 1.0) -> float:
    T = type(logit)
    return weighted(weight, (pos_weight * target + (T(1) - target)) * (sigmoid(logit) * sigmoid(-logit)))


@hookimpl
def lossreg_component() -> Loss:
    return bce_with_logits
