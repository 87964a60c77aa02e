"""Squentropy: cross-entropy plus the mean square of the logits of the other classes.

    value = -log(softmax(logits)[label]) + sum_{j != label} logits_j^2 / (C - 1)
    slope = softmax(logits) - 1[label] + 2 logits_j / (C - 1) of each other class

The squares keep the logits small, which calibrates the probabilities. A row with the label `ignore_index` is not read.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type. Ranges: any
logits.
Source: Hui, Belkin, Wright (2023), arXiv:2302.03952.

>>> squentropy.at([0.0, 0.0, 2.0], 2)
(0.23954476622188453, [0.10650697891920076, 0.10650697891920076, -0.21301395783840152])
"""

from lossreg.kernels.numerics import surprise
from lossreg.plugin import ClassIndex, ClassRow, IgnoredLabel, Loss, Real, Slope, hookimpl, loss


@loss
def squentropy(logits: ClassRow[Real], label: ClassIndex, slope: Slope, ignore_index: IgnoredLabel = -100) -> float:
    T = type(slope[0])
    nll, _, _ = surprise(logits, label, slope)
    share = T(0) if len(logits) == 1 else T(1) / T(len(logits) - 1)
    squares = T(0)
    for j in range(len(logits)):
        x = logits[j]
        other = T(0) if j == label else x
        squares += other * other * share
        slope[j] += T(2) * share * other
    return nll + squares


@hookimpl
def lossreg_component() -> Loss:
    return squentropy
