"""Continuous ranked probability score of an ensemble: how far it is from the target, less half of its own width.

value = mean_j |x_j - y| - mean_jk |x_j - x_k| / 2
slope = sign(x_j - y) / M - sum_k sign(x_j - x_k) / M^2    by member j of M

Shapes: members (N, M), target (N). Ranges: any finite numbers. Source: Gneiting and Raftery (2007),
doi:10.1198/016214506000001437.

>>> crps_ensemble.at([0.0, 2.0], 1.0)
(0.5, [-0.25, 0.25])
"""

from lossreg.kernels.numerics import sign
from lossreg.plugin import Finite, Loss, Row, Slope, hookimpl, loss


@loss
def crps_ensemble(members: Row[Finite], target: Finite, slope: Slope) -> float:
    T = type(target)
    count, value = T(len(members)), T(0)
    for j in range(len(members)):
        x, apart, above = members[j], T(0), T(0)
        for k in range(len(members)):
            apart += abs(x - members[k])
            above += T(x > members[k]) - T(x < members[k])
        value += abs(x - target) / count - apart / count / count / T(2)
        slope[j] = (sign(x - target) - above / count) / count
    return value


@hookimpl
def lossreg_component() -> Loss:
    return crps_ensemble
