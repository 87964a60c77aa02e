"""Quantile (pinball): the absolute error with one weight above the target and another below.

    value = level (target - prediction)          prediction below the target
          = (1 - level) (prediction - target)    above it
    slope = -level below, 1 - level above, 0 at the target; of the target its negative

The constant that has the smallest mean loss is the quantile of the targets at `level`; at 0.5 it is the median, and the
value half of `l1`. For several quantiles `level` is an array of them, which broadcasts: (N, Q) predictions and targets
(`numpy.broadcast_to(target[:, None], (N, Q))` copies nothing) with (Q) levels. A mean is over all of them. The second
derivative is 0; a Newton step may take hessian="secant" in its place, the slope divided by the error, at most 1000
times the level; or "constant", 1.

Shapes: prediction and target of the same shape. Ranges: any numbers; level 0 to 1.
Source: Koenker and Bassett (1978), doi:10.2307/1913643; scikit-learn's PinballLoss (1.9), whose slope at the target is
-level; LightGBM's quantile, with level 0.9 (alpha).

>>> quantile.at(1.0, 3.0, level=0.9)
(1.8, -0.9, 0.9)
"""

from lossreg.kernels.numerics import weighted
from lossreg.plugin import Loss, Real, Unit, hookimpl, loss


@loss
def quantile(prediction: Real, target: Real, level: Unit = 0.5) -> tuple[float, float, float]:
    T = type(prediction)
    error = target - prediction
    above = T(1) - level
    value = weighted(level, error) if error > 0 else weighted(above, -error)
    slope = -level if error > 0 else (above if error < 0 else T(0))
    return value, slope, -slope


@quantile.hessian
def second_derivative(prediction: Real, target: Real, level: Unit = 0.5) -> float:
    return type(prediction)(0)


@quantile.surrogate
def secant(prediction: Real, target: Real, level: Unit = 0.5) -> float:
    T = type(prediction)
    error = target - prediction
    return (level if error > 0 else T(1) - level) / max(abs(error), T(0.001))


@quantile.surrogate
def constant(prediction: Real, target: Real, level: Unit = 0.5) -> float:
    return type(prediction)(1)


@hookimpl
def lossreg_component() -> Loss:
    return quantile
