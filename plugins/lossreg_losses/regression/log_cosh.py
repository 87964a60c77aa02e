"""Log-cosh: the logarithm of the hyperbolic cosine of the error, quadratic near 0 and linear far away.

    value = log(cosh(e))          e = prediction - target
    slope = tanh(e)               of the target its negative

The value is e^2 / 2 for small errors and |e| - log(2) for large ones, with all digits in between: neither the
exponentials overflow nor does the logarithm of 1 cancel.

Shapes: prediction and target of the same shape. Ranges: any numbers.
Source: Keras' LogCosh (3.15), optax's log_cosh (0.2.8), CatBoost's LogCosh.

>>> log_cosh.at(1e-8, 0.0)[0]
5.000000000000001e-17
>>> log_cosh.at(1000.0, 0.0)
(999.3068528194401, 1.0, -1.0)
"""

from math import copysign

from lossreg.kernels.numerics import LN2, exp, expm1, log1p
from lossreg.plugin import Loss, Real, hookimpl, loss


@loss
def log_cosh(prediction: Real, target: Real) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    size = abs(error)
    decay = expm1(-size)
    kept = T(1) + decay
    # cosh(e) - 1 = (1 - e^-|e|)^2 / (2 e^-|e|), and cosh(e) = e^|e| (1 + e^(-2 |e|)) / 2.
    far = size >= T(1)
    value = (size - T(LN2) if far else T(0)) + log1p(kept * kept if far else decay * decay / (kept + kept))
    slope = copysign(decay * (T(2) + decay) / (T(1) + kept * kept), error)
    return value, slope, -slope


@log_cosh.hessian
def second_derivative(prediction: Real, target: Real) -> float:
    T = type(prediction)
    decay = exp(T(-2) * abs(prediction - target))
    return T(4) * decay / ((T(1) + decay) * (T(1) + decay))


@hookimpl
def lossreg_component() -> Loss:
    return log_cosh
