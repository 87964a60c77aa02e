"""Adam: steps of about `lr`, along the running mean of the gradient divided by its root mean square.

    g <- grad + weight_decay weight
    m <- beta1 m + (1 - beta1) g                  s <- beta2 s + (1 - beta2) g^2
    weight <- weight - lr m / (1 - beta1^step) / (sqrt(s / (1 - beta2^step)) + eps)

Source: Kingma, Ba (2015), arXiv:1412.6980; PyTorch's Adam, with betas as beta1 and beta2.
"""

from math import sqrt

from lossreg.plugin import Fraction, NonNegative, Optimizer, Positive, Real, hookimpl, optimizer


@optimizer
def adam(
    weight: Real,
    grad: Real,
    step: Real,
    mean: Real,
    square: Real,
    *,
    lr: Positive = 1e-3,
    beta1: Fraction = 0.9,
    beta2: Fraction = 0.999,
    eps: Positive = 1e-8,
    weight_decay: NonNegative = 0.0,
) -> tuple[float, float, float]:
    T = type(weight)
    slope = grad + weight_decay * weight
    mean = beta1 * mean + (T(1) - beta1) * slope
    square = beta2 * square + (T(1) - beta2) * slope * slope
    rate, scale = lr / (T(1) - beta1**step), T(1) / sqrt(T(1) - beta2**step)  # the same for all weights
    return weight - rate * mean / (sqrt(square) * scale + eps), mean, square


@hookimpl
def lossreg_component() -> Optimizer:
    return adam
