"""SimPO: the chosen answer should be more probable than the rejected one by a margin, without a reference.

    value = softplus(-m)                       m = beta (chosen - rejected) - gamma
    slope of chosen = -beta sigmoid(-m), of rejected its negative

The inputs are the log-probabilities of the answers, averaged over their tokens.

Shapes: chosen and rejected of the same shape. Ranges: any numbers; beta above 0 and finite; any gamma.
Source: Meng, Xia, Chen (2024), arXiv:2405.14734, with beta = 2 and gamma = 1; TRL's CPOTrainer with loss_type simpo.

>>> simpo.at(-0.5, -1.0)
(0.6931471805599453, -1.0, 1.0)
"""

from lossreg.kernels.numerics import sigmoid, softplus
from lossreg.plugin import FinitePositive, Loss, Real, hookimpl, loss


@loss
def simpo(chosen: Real, rejected: Real, beta: FinitePositive = 2.0, gamma: Real = 1.0) -> tuple[float, float, float]:
    lead = beta * (chosen - rejected) - gamma
    slope = -beta * sigmoid(-lead)
    return softplus(-lead), slope, -slope


@hookimpl
def lossreg_component() -> Loss:
    return simpo
