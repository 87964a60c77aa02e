"""CORN: for ordered classes, whether the class is above each level, given that it is above those before.

    value = sum over k <= label of softplus(logit_k) - logit_k [label > k]        for the C - 1 levels k = 0 ... C - 2
    slope = sigmoid(logit_k) - [label > k], and 0 for k > label                   by logit k

The probability of a class above k is the product of sigmoid(logit_j) over j <= k, which decreases with k whatever the
logits are. A mean divides by the rows; in the paper, and in coral-pytorch, by the number of terms of all rows.

Shapes: logits (C - 1), (N, C - 1) or (N, C - 1, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type.
Ranges: any logits; labels from 0 to C - 1, which is one more than the last index of a logit.
Source: Shi, Cao, Raschka (2021), arXiv:2111.08851; coral-pytorch's corn_loss (1.4).

>>> corn.at([0.0, 0.0, 0.0], 1)
(1.3862943611198906, [-0.5, 0.5, 0.0])
"""

from typing import Annotated

from lossreg.kernels.numerics import sigmoid, softplus, weighted
from lossreg.plugin import ClassIndex, ClassRow, Loss, Real, Slope, Width, hookimpl, loss


@loss
def corn(logits: Annotated[ClassRow[Real], Width("C - 1")], label: ClassIndex, slope: Slope) -> float:
    T = type(logits[0])
    value = T(0)
    for k in range(len(logits)):
        asked, side = T(label >= k), T(1) - T(2) * T(label > k)
        value += weighted(asked, softplus(side * logits[k]))
        slope[k] = weighted(asked, side * sigmoid(side * logits[k]))
    return value


@hookimpl
def lossreg_component() -> Loss:
    return corn
