"""Focal: binary cross-entropy in which an element counts less, the better it is predicted.

    value = a target q^gamma softplus(-logit) + b (1 - target) p^gamma softplus(logit)
    slope = b (1 - target) p^gamma (gamma q softplus(logit) + p) - a target q^gamma (gamma p softplus(-logit) + q)
    slope of the target = a q^gamma softplus(-logit) - b p^gamma softplus(logit)

with p = sigmoid(logit), q = 1 - p, a = alpha and b = 1 - alpha, or both 1 without `balance`. With gamma = 0 and without
balance it is `bce_with_logits`. A target between 0 and 1 mixes the values of both; other libraries mix the
probabilities.

Shapes: logit and target of the same shape. Ranges: any logit; target 0 to 1; gamma 0 or above and finite; alpha 0 to 1.
Source: Lin et al. (2017), arXiv:1708.02002; torchvision's sigmoid_focal_loss, optax's sigmoid_focal_loss (0.2.8), which
has no alpha by default, Keras' BinaryFocalCrossentropy (3.15), which has alpha only with apply_class_balancing.

>>> focal.at(0.0, 1.0, balance=False)
(0.17328679513998632, -0.29828679513998635, 0.0)
"""

from lossreg.kernels.numerics import exp, expm1, log1p, sigmoid, weighted
from lossreg.plugin import FiniteNonNegative, Loss, Real, Unit, hookimpl, loss


@loss
def focal(
    logit: Real, target: Unit, gamma: FiniteNonNegative = 2.0, alpha: Unit = 0.25, balance: bool = True
) -> tuple[float, float, float]:
    T = type(logit)
    curve = log1p(exp(-abs(logit)))
    missed, found = max(-logit, T(0)) + curve, max(logit, T(0)) + curve  # -log(p), -log(q)
    p, q = sigmoid(logit), sigmoid(-logit)
    a, b = (alpha, T(1) - alpha) if balance else (T(1), T(1))
    easy, hard = exp(-weighted(gamma, missed)), exp(-weighted(gamma, found))  # p^gamma, q^gamma
    positive, negative = a * hard, b * easy
    pull = positive * (gamma * weighted(p, missed) + q)
    push = negative * (gamma * weighted(q, found) + p)
    value = weighted(target, weighted(positive, missed)) + weighted(T(1) - target, weighted(negative, found))
    # positive - negative, and with it the slope of the target, without cancelling around 0.
    gain = expm1(-weighted(gamma, abs(logit)))
    apart = (a - b) * hard + negative * gain if logit > 0 else (a - b) * easy - positive * gain
    target_slope = weighted(positive, max(-logit, T(0))) - weighted(negative, max(logit, T(0))) + apart * curve
    return value, weighted(T(1) - target, push) - weighted(target, pull), target_slope


@focal.hessian
def second_derivative(
    logit: Real, target: Unit, gamma: FiniteNonNegative = 2.0, alpha: Unit = 0.25, balance: bool = True
) -> float:
    T = type(logit)
    curve = log1p(exp(-abs(logit)))
    missed, found = max(-logit, T(0)) + curve, max(logit, T(0)) + curve
    p, q = sigmoid(logit), sigmoid(-logit)
    a, b = (alpha, T(1) - alpha) if balance else (T(1), T(1))
    easy, hard = exp(-weighted(gamma, missed)), exp(-weighted(gamma, found))
    steep = T(1) + T(2) * gamma
    pulled = hard * (gamma * weighted(p, missed) * (gamma * p - q) + steep * (p * q))
    pushed = easy * (gamma * weighted(q, found) * (gamma * q - p) + steep * (q * p))
    return weighted(target, a * pulled) + weighted(T(1) - target, b * pushed)


@hookimpl
def lossreg_component() -> Loss:
    return focal
