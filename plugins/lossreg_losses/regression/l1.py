"""Mean absolute error: the distance between prediction and target.

    value = weight |e|        e = prediction - target

The slope is weight times the sign of e, and 0 where e is 0; of the target its negative. `weight` is how much an element
counts; it may be an array that broadcasts to the predictions. A mean divides by the sum of the weights. The second
derivative is 0; a Newton step may take hessian="constant" in its place, the weight, or "secant", weight / |e|, at most
1000 times the weight.

Shapes: prediction and target of the same shape. Ranges: any numbers; weights finite.
Source: Boscovich (1757), Laplace (1774); PyTorch's L1Loss.

>>> l1.at(2.0, 2.5)
(0.5, -1.0, 1.0)
>>> l1.at(2.0, 2.0)
(0.0, 0.0, -0.0)
"""

from lossreg.kernels.numerics import sign, weighted
from lossreg.plugin import Loss, Real, Weight, hookimpl, loss


@loss
def l1(prediction: Real, target: Real, weight: Weight = 1.0) -> tuple[float, float, float]:
    error = prediction - target
    slope = weighted(weight, sign(error))
    return weighted(weight, abs(error)), slope, -slope


@l1.hessian
def second_derivative(prediction: Real, target: Real, weight: Weight = 1.0) -> float:
    return type(prediction)(0)


@l1.surrogate
def constant(prediction: Real, target: Real, weight: Weight = 1.0) -> float:
    return weighted(weight, type(prediction)(1))


@l1.surrogate
def secant(prediction: Real, target: Real, weight: Weight = 1.0) -> float:
    T = type(prediction)
    return weighted(weight, T(1) / max(abs(prediction - target), T(0.001)))


@hookimpl
def lossreg_component() -> Loss:
    return l1
