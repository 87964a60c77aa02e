"""AdamW: Adam with weight decay decoupled from the gradient, so that all weights decay at the same rate.

    m <- beta1 m + (1 - beta1) grad               s <- beta2 s + (1 - beta2) grad^2
    weight <- weight - lr weight_decay weight - lr m / (1 - beta1^step) / (sqrt(s / (1 - beta2^step)) + eps)

Source: Loshchilov, Hutter (2019), arXiv:1711.05101; PyTorch's AdamW, with betas as beta1 and beta2.
"""

from math import sqrt

from lossreg.plugin import Fraction, NonNegative, Optimizer, Positive, Real, hookimpl, optimizer


@optimizer
def adamw(
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
    weight_decay: NonNegative = 1e-2,
) -> tuple[float, float, float]:
    T = type(weight)
    weight = weight * (T(1) - lr * weight_decay)
    mean = beta1 * mean + (T(1) - beta1) * grad
    square = beta2 * square + (T(1) - beta2) * grad * grad
    rate, scale = lr / (T(1) - beta1**step), T(1) / sqrt(T(1) - beta2**step)  # the same for all weights
    return weight - rate * mean / (sqrt(square) * scale + eps), mean, square


@hookimpl
def lossreg_component() -> Optimizer:
    return adamw
