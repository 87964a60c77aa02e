"""Exponential: the loss that AdaBoost minimises, in half logits.

    value = target e^-prediction + (1 - target) e^prediction
    slope = (1 - target) e^prediction - target e^-prediction
    slope of the target = e^-prediction - e^prediction

The prediction that has the smallest mean loss is half of the logit of the targets' mean.

Shapes: prediction and target of the same shape. Ranges: any prediction; target 0 to 1.
Source: Friedman, Hastie, Tibshirani (2000), doi:10.1214/aos/1016218223; scikit-learn's ExponentialLoss (1.9).

>>> exponential.at(0.0, 1.0)
(1.0, -1.0, -0.0)
"""

from lossreg.kernels.numerics import exp, expm1, weighted
from lossreg.plugin import Loss, Real, Unit, hookimpl, loss


@loss
def exponential(prediction: Real, target: Unit) -> tuple[float, float, float]:
    T = type(prediction)
    rest = T(1) - target
    rise, fall = expm1(prediction), expm1(-prediction)
    # As squares, of which no factor overflows before the product does.
    up, down = exp(T(0.5) * prediction), exp(T(-0.5) * prediction)
    one, zero = T(0) if target == 0 else target * down * down, T(0) if rest == 0 else rest * up * up
    near = (rest - target) + (weighted(rest, rise) - weighted(target, fall))
    return one + zero, near if abs(prediction) < T(0.5) else zero - one, fall - rise


@exponential.hessian
def second_derivative(prediction: Real, target: Unit) -> float:
    T = type(prediction)
    rest, up, down = T(1) - target, exp(T(0.5) * prediction), exp(T(-0.5) * prediction)
    return (T(0) if target == 0 else target * down * down) + (T(0) if rest == 0 else rest * up * up)


@hookimpl
def lossreg_component() -> Loss:
    return exponential
