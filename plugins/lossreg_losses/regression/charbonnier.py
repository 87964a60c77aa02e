"""Charbonnier: a smooth absolute error, whose tip is rounded off over a width of `eps`.

    value = sqrt(e^2 + eps^2)    e = prediction - target
    slope = e / value            of the target its negative; 0 where e is 0

The value at the target is eps, not 0. With eps = 0 it is `l1`. Libraries differ in where eps stands: some have
sqrt(e^2 + eps), which is this with the root of their eps, and some sqrt(e^2 + 1) - 1, which is `pseudo_huber`.

Shapes: prediction and target of the same shape. Ranges: any numbers; eps 0 or above.
Source: Charbonnier et al. (1994), doi:10.1109/ICIP.1994.413553; Lai et al. (2017), arXiv:1704.03915, for eps = 0.001.

>>> charbonnier.at(3.0, 0.0, eps=4.0)
(5.0, 0.6, -0.6)
"""

from math import copysign

from lossreg.kernels.numerics import sqrt
from lossreg.plugin import Loss, NonNegative, Real, hookimpl, loss


@loss
def charbonnier(prediction: Real, target: Real, eps: NonNegative = 1e-3) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    size = abs(error)
    near = size <= eps
    larger, smaller = (eps, size) if near else (size, eps)
    ratio = T(0) if smaller == 0 else smaller / larger
    root = sqrt(T(1) + ratio * ratio)
    slope = copysign((ratio if near else T(1)) / root, error)
    return larger * root, slope, -slope


@charbonnier.hessian
def second_derivative(prediction: Real, target: Real, eps: NonNegative = 1e-3) -> float:
    T = type(prediction)
    size = abs(prediction - target)
    larger, smaller = (eps, size) if size <= eps else (size, eps)
    ratio = T(0) if smaller == 0 else smaller / larger
    square = T(1) + ratio * ratio
    # eps^2 / (e^2 + eps^2)^(3/2), with one division
    share = T(1) if size <= eps else ratio
    return T(0) if eps == 0 else share / (square * sqrt(square) * larger) * share


@hookimpl
def lossreg_component() -> Loss:
    return charbonnier
