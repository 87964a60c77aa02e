"""CORAL: for ordered classes, the surprise at the answers to whether the class is above each level.

    value = sum_k softplus(logit_k) - logit_k [label > k]     for the C - 1 levels k = 0 ... C - 2
    slope = sigmoid(logit_k) - [label > k]                    by logit k

The predicted class is the number of logits above 0. The paper's network has one weight vector for all levels and a bias
for each, so that the logits decrease with the level; any others are accepted.

Shapes: logits (C - 1), (N, C - 1) or (N, C - 1, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type.
Ranges: any logits; labels from 0 to C - 1, which is one more than the last index of a logit.
Source: Cao, Mirjalili, Raschka (2020), arXiv:1901.07884; coral-pytorch's coral_loss (1.4).

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
