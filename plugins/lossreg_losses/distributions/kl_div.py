"""Kullback-Leibler divergence: how many more nats the prediction needs than the target's own distribution.

    value = target (log(target) - prediction)           0 at target 0
    value = e^target (target - prediction)              with log_target, the target being a logarithm too

The slope is -target, or -e^target; of the target log(target) - prediction + 1, or e^target (target - prediction + 1).
These are of one element; the divergence of a batch of distributions is the sum divided by the number of distributions,
reduction batchmean. As in PyTorch, mean divides by the number of elements.

Shapes: prediction and target of the same shape. Ranges: log-probabilities as prediction; as target probabilities (nan
below 0), or their logarithms.
Source: Kullback and Leibler (1951), doi:10.1214/aoms/1177729694; PyTorch's KLDivLoss. Unlike there, target 0 against
prediction -inf is 0. Keras' KLDivergence takes probabilities, and adds up over the last axis.

>>> kl_div.at(-1.0, 1.0)
(1.0, -1.0, 2.0)
>>> kl_div.at(-float("inf"), 0.0)
(0.0, -0.0, 1.0)
"""

from lossreg.kernels.numerics import difference, exp, log, weighted
from lossreg.plugin import LogProbability, Loss, Real, hookimpl, loss


@loss
def kl_div(prediction: LogProbability, target: Real, *, log_target: bool = False) -> tuple[float, float, float]:
    T = type(prediction)
    mass = exp(target) if log_target else target
    logarithm = target if log_target else log(target)
    surplus = difference(logarithm, prediction)
    return weighted(mass, surplus), -mass, weighted(mass, surplus + T(1)) if log_target else surplus + T(1)


@kl_div.hessian
def second_derivative(prediction: LogProbability, target: Real, *, log_target: bool = False) -> float:
    return type(prediction)(0)


@hookimpl
def lossreg_component() -> Loss:
    return kl_div
