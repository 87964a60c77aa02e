"""Negative binomial negative log-likelihood of a count that varies more than Poisson's, given the log of its mean.

    value = target softplus(-x) + softplus(x) / dispersion            x = prediction + log(dispersion)
    slope = (mean - target) / (1 + dispersion mean)           mean = e^prediction
    slope of the target = softplus(-x)

The variance is mean + dispersion mean^2. What does not depend on the prediction is left out.

Shapes: prediction and target of the same shape. Ranges: any prediction; target 0 or above; dispersion above 0 and
finite.
Source: Hilbe (2011), Negative Binomial Regression; statsmodels' NegativeBinomial family (0.15), whose alpha is the
dispersion.

>>> negative_binomial_nll.at(0.0, 3.0)
(2.772588722239781, -1.0, 0.6931471805599453)
"""

from lossreg.kernels.numerics import exp, expm1, log, log1p, weighted
from lossreg.plugin import FinitePositive, Loss, NonNegative, Real, hookimpl, loss


@loss
def negative_binomial_nll(
    prediction: Real, target: NonNegative, dispersion: FinitePositive = 1.0
) -> tuple[float, float, float]:
    T = type(prediction)
    x = prediction + log(dispersion)
    curve = log1p(exp(-abs(x)))
    missing, present = max(-x, T(0)) + curve, max(x, T(0)) + curve
    # (mean - target) / (1 + dispersion mean), divided by a mean above 1, and without cancelling near 1.
    small, above = exp(-abs(prediction)), prediction > 0
    excess = T(1) - weighted(target, small) if above else small - target
    near = (expm1(prediction) + (T(1) - target)) * (small if above else T(1))
    spread = small + dispersion if above else T(1) + dispersion * small
    slope = (near if abs(prediction) < T(0.5) else excess) / spread
    return weighted(target, missing) + present / dispersion, slope, missing


@negative_binomial_nll.hessian
def second_derivative(prediction: Real, target: NonNegative, dispersion: FinitePositive = 1.0) -> float:
    T = type(prediction)
    # In two factors where the exponential is near the smallest float: a large target brings the product back.
    far, above = abs(prediction) > 80, prediction > 0
    power = exp(-abs(prediction) * (T(0.5) if far else T(1)))
    rest = power if far else T(1)
    small = power * rest
    spread = small + dispersion if above else T(1) + dispersion * small
    return (T(1) + dispersion * target) * power * rest / spread / spread


@hookimpl
def lossreg_component() -> Loss:
    return negative_binomial_nll
