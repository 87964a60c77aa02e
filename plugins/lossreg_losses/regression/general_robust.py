"""General and adaptive robust loss: one family, from squared error to redescending, chosen by `alpha`.

    value = |alpha - 2| / alpha ((z^2 / |alpha - 2| + 1)^(alpha / 2) - 1)     z = (prediction - target) / scale
    slope = z / scale (z^2 / |alpha - 2| + 1)^(alpha / 2 - 1)                 of the target its negative

with the limits z^2 / 2 at alpha = 2, log(1 + z^2 / 2) at 0 (`cauchy`) and 1 - e^(-z^2 / 2) at -inf (`welsch`); at 1 it
is `pseudo_huber` over delta^2, at -2 `geman_mcclure`. The smaller alpha is, the less an outlier counts.

Shapes: prediction and target of the same shape. Ranges: any numbers; alpha any number or -inf; scale above 0.
Source: Barron (2019), arXiv:1701.03077; the author's robust_loss, whose alpha may also be learned, with a
normalisation that is not part of this loss.

>>> general_robust.at(1.0, 0.0, alpha=2.0)
(0.5, 1.0, -1.0)
>>> general_robust.at(2.0, 0.0, alpha=-2.0)[0]
1.0
"""

from math import copysign
from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, expm1, log1p_square, power, ratio, sqrt, weighted
from lossreg.plugin import Domain, Loss, Positive, Real, hookimpl, loss

LEAST = -INFINITY


def in_range(x: Any) -> Any:
    return x < INFINITY


Shape = Annotated[float, Domain("Shape", "a number, or -inf", in_range, 1.0)]


@loss
def general_robust(
    prediction: Real, target: Real, alpha: Shape = 1.0, scale: Positive = 1.0
) -> tuple[float, float, float]:
    T = type(prediction)
    z = (prediction - target) / scale
    half, size = T(0.5) * z * z, abs(z)
    if alpha == 2:
        return half, z / scale, -z / scale
    if alpha == LEAST:
        slope = weighted(exp(-half), z) / scale
        return -expm1(-half), slope, -slope
    if alpha == 1:
        far, base = root_of_one_and_square(size)
        slope = (copysign(T(1), z) if far else z / base) / scale
        return size * ratio(size, T(1) + base), slope, -slope
    width = sqrt(abs(alpha - T(2)))
    u = size / width
    far, base = root_of_one_and_square(u)
    growth = T(0.5) * log1p_square(u)
    falloff = power(base, alpha - (T(1) if far else T(2)))
    # An exponential of a large number has that many rounding errors; the power has one.
    steep = (alpha * growth > 1) & (u < T(INFINITY))
    rise = falloff * base * (T(1) if far else base) - T(1) if steep else expm1(alpha * growth)
    slope = weighted(falloff, copysign(width, z) if far else z) / scale
    return width * width * (growth if alpha == 0 else rise / alpha), slope, -slope


def root_of_one_and_square(u: float) -> tuple[bool, float]:
    """Whether u is huge, and sqrt(1 + u^2): of huge numbers the square overflows, and the root is u."""
    T = type(u)
    far = u > T(1e9)
    return far, u if far else sqrt(T(1) + u * u)


@general_robust.hessian
def second_derivative(prediction: Real, target: Real, alpha: Shape = 1.0, scale: Positive = 1.0) -> float:
    T = type(prediction)
    z = (prediction - target) / scale
    if alpha == 2:
        return T(1) / scale / scale
    if alpha == LEAST:
        return weighted(exp(-T(0.5) * z * z), (T(1) - z) * (T(1) + z)) / scale / scale
    if alpha == 1:
        far, base = root_of_one_and_square(abs(z))
        share = T(0) if far else T(1) / base
        return share * (share / scale) * (share / scale)
    # (1 + u^2)^(alpha / 2 - 2) (1 + (alpha - 1) u^2), and for huge u without the square
    u = abs(z) / sqrt(abs(alpha - T(2)))
    far, base = root_of_one_and_square(u)
    bend = alpha - T(1) if far else T(1) + weighted(u * u, alpha - T(1))
    falloff = power(base, alpha - (T(1) if far else T(2)))
    return weighted(falloff / base / (T(1) if far else base), bend) / scale / scale


@hookimpl
def lossreg_component() -> Loss:
    return general_robust
