"""Student t negative log-likelihood: like the Gaussian's, with tails in which an outlier is no great surprise.

    value = log(scale) + (df + 1) / 2 log(1 + z^2 / df)                   z = (prediction - target) / scale
    slope = (df + 1) z / (df + z^2) / scale, of the target its negative
    slope of the scale = df (1 - z^2) / (df + z^2) / scale

The constant, which depends on the degrees of freedom `df` only, is left out.

Shapes: prediction and target of the same shape; scale too, or with a last axis of 1, without it, or a single number.
Ranges: any numbers; scale above 0; df above 0 and finite.
Source: Lange, Little, Taylor (1989), doi:10.2307/2290063; PyTorch's torch.distributions.StudentT.

>>> student_t_nll.at(1.0, 0.0, 1.0, df=1.0)
(0.6931471805599453, 1.0, -1.0, 0.0)
"""

from lossreg.kernels.numerics import INFINITY, LN2, lift, log, log_sum, ratio, sign, sqrt
from lossreg.plugin import Broadcast, FinitePositive, Loss, Positive, Real, hookimpl, loss


@loss
def student_t_nll(
    prediction: Real, target: Real, scale: Broadcast[Positive], df: FinitePositive = 4.0
) -> tuple[float, float, float, float]:
    T = type(prediction)
    error = prediction - target
    size, width = abs(error), scale * sqrt(df)
    # Over the larger of error and width no square overflows; the width may have underflowed to 0.
    larger = size if size > width else (width if width > 0 else scale)
    least = min(size, width) / larger
    share, by_below = T(1) if size > width else least, T(1) / (T(1) + least * least)
    # log(1 + quotient^2), far out 2 log(quotient); a quotient that overflows is multiplied by 4 / unit^3 first.
    quotient, unit = T(0) if size == 0 else size / width, lift(size)
    far, beyond = quotient > T(1e9), quotient == INFINITY
    lowered = size / unit / (scale * unit * (T(0.25) * unit) * sqrt(df))
    reach = lowered if beyond else quotient
    growth = log_sum(reach if far else T(1), T(0) if far else quotient * quotient)
    growth = (T(2) * growth if far else growth) + (T(6) * log(unit) - T(4) * T(LN2) if beyond else T(0))
    slope = sign(error) * (df + T(1)) * share * by_below / larger
    lead = T(-1) if size == INFINITY else ratio(scale - size, larger)
    scale_slope = df * lead * (lead + T(2) * share) * by_below / scale
    return log(scale) + T(0.5) * (df + T(1)) * growth, slope, -slope, scale_slope


@student_t_nll.hessian
def second_derivative(prediction: Real, target: Real, scale: Broadcast[Positive], df: FinitePositive = 4.0) -> float:
    T = type(prediction)
    size, width = abs(prediction - target), scale * sqrt(df)
    larger = size if size > width else (width if width > 0 else scale)
    scaled_error = (min(size, width)) / larger
    below = (T(1) + scaled_error * scaled_error) * larger
    return (df + T(1)) * ((width - size) / larger / below) * ((width + size) / larger / below)


@hookimpl
def lossreg_component() -> Loss:
    return student_t_nll
