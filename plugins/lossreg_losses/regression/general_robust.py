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

from lossreg.kernels.numerics import INFINITY, exp, expm1, log1p_square, sqrt, weighted
from lossreg.plugin import Domain, Loss, Positive, Real, hookimpl, loss


def in_range(x: Any) -> Any:
    return x < INFINITY


Shape = Annotated[float, Domain("Shape", "a number, or -inf", in_range, 1.0)]


@loss
def general_robust(
    prediction: Real, target: Real, alpha: Shape = 1.0, scale: Positive = 1.0
) -> tuple[float, float, float]:
    T = type(prediction)
    z = (prediction - target) / scale
    half, spread = T(0.5) * z * z, abs(alpha - T(2))
    limit, quadratic = alpha == -T(INFINITY), alpha == 2
    width = T(1) if quadratic | limit else sqrt(spread)
    u = abs(z) / width
    growth = T(0.5) * log1p_square(u)
    # A power by its exponential would lose digits where z is huge; there z is width times the base.
    far = (u > T(1e9)) & (alpha > -T(INFINITY))
    base = u if far else sqrt(T(1) + u * u)
    falloff = exp(-half) if limit else base ** (alpha - (T(1) if far else T(2)))
    # An exponential of a large number has that many rounding errors; the power has one.
    steep = (alpha * growth > 1) & (u < T(INFINITY))
    power = falloff * base * (T(1) if far else base) - T(1) if steep else expm1(-half if limit else alpha * growth)
    value = -power if limit else (spread * growth if alpha == 0 else spread / alpha * power)
    slope = (z if quadratic else weighted(falloff, copysign(width, z) if far else z)) / scale
    return half if quadratic else value, slope, -slope


@general_robust.hessian
def second_derivative(prediction: Real, target: Real, alpha: Shape = 1.0, scale: Positive = 1.0) -> float:
    T = type(prediction)
    z = (prediction - target) / scale
    limit, quadratic = alpha == -T(INFINITY), alpha == 2
    u = abs(z) / (T(1) if quadratic | limit else sqrt(abs(alpha - T(2))))
    # (1 + u^2)^(alpha / 2 - 2) (1 + (alpha - 1) u^2), and for huge u without the square
    far = u > T(1e9)
    base = u if far else sqrt(T(1) + u * u)
    bend = alpha - T(1) if far else T(1) + weighted(u * u, alpha - T(1))
    power = weighted(base ** (alpha - (T(2) if far else T(4))), bend)
    gauss = weighted(exp(-T(0.5) * z * z), (T(1) - z) * (T(1) + z))
    return (T(1) if quadratic else gauss if limit else power) / scale / scale


@hookimpl
def lossreg_component() -> Loss:
    return general_robust
