"""Stochastic gradient descent, with momentum and weight decay.

    g <- grad + weight_decay weight
    v <- momentum v + g
    weight <- weight - lr v                       or, with nesterov, weight - lr (g + momentum v)

Source: Sutskever, Martens, Dahl, Hinton (2013), proceedings.mlr.press/v28/sutskever13; PyTorch's SGD.
"""

from lossreg.plugin import Fraction, NonNegative, Optimizer, Positive, Real, hookimpl, optimizer


@optimizer
def sgd(
    weight: Real,
    grad: Real,
    step: Real,
    velocity: Real,
    *,
    lr: Positive = 1e-3,
    momentum: Fraction = 0.0,
    weight_decay: NonNegative = 0.0,
    nesterov: bool = False,
) -> tuple[float, float]:
    slope = grad + weight_decay * weight
    velocity = momentum * velocity + slope
    direction = slope + momentum * velocity if nesterov else velocity
    return weight - lr * direction, velocity


@hookimpl
def lossreg_component() -> Optimizer:
    return sgd
