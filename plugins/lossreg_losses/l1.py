"""Mean absolute error: the distance between prediction and target.

    value = |e|        e = prediction - target

The slope is the sign of e, and 0 where e is 0.

Shapes: prediction and target alike. Ranges: any numbers.
Source: Boscovich (1757), Laplace (1774); PyTorch's L1Loss.

>>> l1.at(2.0, 2.5)
(0.5, -1.0)
>>> l1.at(2.0, 2.0)
(0.0, 0.0)
"""

from lossreg import Loss, Real, hookimpl, loss
from lossreg.kernels.stable import sign


@loss
def l1(prediction: Real, target: Real) -> tuple[float, float]:
    error = prediction - target
    return abs(error), sign(error)


@hookimpl
def lossreg_loss() -> Loss:
    return l1
