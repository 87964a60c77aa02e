"""Poly-1 cross-entropy: the first term of its series in 1 - p has another weight.

    value = -log(p) + epsilon (1 - p)                                       p = softmax(logits)[label]
    slope = (softmax(logits) - 1[label]) (1 + epsilon p)

A row with the label `ignore_index` is not read.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type. Ranges: any
logits; epsilon finite.
Source: Leng et al. (2022), arXiv:2204.12511; optax's poly_loss_cross_entropy (0.2.8), with epsilon = 2.

>>> poly1.at([0.0, 0.0], 1)
(1.6931471805599454, [1.0, -1.0])
"""

from lossreg.kernels.numerics import surprise
from lossreg.plugin import ClassIndex, ClassRow, Finite, IgnoredLabel, Loss, Real, Slope, hookimpl, loss


@loss
def poly1(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    epsilon: Finite = 2.0,
    ignore_index: IgnoredLabel = -100,
) -> float:
    T = type(slope[0])
    nll, own, rest = surprise(logits, label, slope)
    factor = T(1) + epsilon * own
    for j in range(len(slope)):
        slope[j] = factor * slope[j]
    return nll + epsilon * rest


@hookimpl
def lossreg_component() -> Loss:
    return poly1
