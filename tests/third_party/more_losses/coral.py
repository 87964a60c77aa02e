"""CORAL: for ordered classes the surprise at each question whether the class is above a level.

value = sum_k softplus(logit_k) - logit_k [label > k]    for the C - 1 levels k
slope = sigmoid(logit_k) - [label > k]                   by logit k

Shapes: logits (N, C - 1), label (N). Ranges: any logits; labels from 0 to C - 1. Source: Cao et al. (2020),
arXiv:1901.07884.

>>> coral.at([0.0, 0.0], 1)
(1.3862943611198906, [-0.5, 0.5])
"""

from typing import Annotated

from lossreg.kernels.numerics import sigmoid, softplus
from lossreg.plugin import ClassIndex, ClassRow, Loss, Real, Slope, Width, hookimpl, loss


@loss
def coral(logits: Annotated[ClassRow[Real], Width("C - 1")], label: ClassIndex, slope: Slope) -> float:
    T = type(logits[0])
    value = T(0)
    for k in range(len(logits)):
        side = T(1) - T(2) * T(label > k)
        value += softplus(side * logits[k])
        slope[k] = side * sigmoid(side * logits[k])
    return value


@hookimpl
def lossreg_component() -> Loss:
    return coral
