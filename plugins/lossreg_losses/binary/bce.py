"""Binary cross-entropy of a probability: the surprise at the target under the prediction.

    value = -weight (target log(p) + (1 - target) log(1 - p))        each log at least -100; p = prediction
    slope = weight (p - target) / max(p (1 - p), 1e-12);  of the target weight (log(1 - p) - log(p))

The bounds are PyTorch's: they keep the loss finite where a probability is 0 or 1. `bce_with_logits` needs none. A mean
divides by the number of elements, whatever the weights.

Shapes: prediction and target of the same shape. Ranges: prediction and target 0 to 1; weights finite.
Source: Good (1952), Rational Decisions; PyTorch's BCELoss. Keras' BinaryCrossentropy bounds
probabilities at 1e-7 in place of logarithms.

>>> bce.at(0.5, 1.0)
(0.6931471805599453, -2.0, 0.0)
>>> bce.at(0.0, 1.0)
(100.0, -1000000000000.0, 100.0)
"""

from lossreg.kernels.numerics import log, log1p, weighted
from lossreg.plugin import Loss, Scale, Unit, hookimpl, loss


@loss
def bce(prediction: Unit, target: Unit, weight: Scale = 1.0) -> tuple[float, float, float]:
    T = type(prediction)
    yes, no = max(log(prediction), T(-100)), max(log1p(-prediction), T(-100))
    spread = max(prediction * (T(1) - prediction), T(1e-12))
    value = -target * yes - (T(1) - target) * no
    return weighted(weight, value), weighted(weight, (prediction - target) / spread), weighted(weight, no - yes)


@bce.hessian
def second_derivative(prediction: Unit, target: Unit, weight: Scale = 1.0) -> float:
    T = type(prediction)
    other = T(1) - prediction
    spread = max(prediction * other, T(1e-12))
    # Where the slope's divisor is bounded, the slope is linear.
    bounded = prediction * other < T(1e-12)
    share = (target * (other * other) + (T(1) - target) * (prediction * prediction)) / spread
    return weighted(weight, (T(1) if bounded else share) / spread)


@hookimpl
def lossreg_component() -> Loss:
    return bce
