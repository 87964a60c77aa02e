"""Sparsemax: the counterpart of cross-entropy whose probabilities may be exactly 0.

    value = (sum_{j != label} p_j^2 + (1 - p_label)^2) / 2 + max(0, t - x_label)        p = max(0, x - t)
    slope = p - 1[label]

with the threshold t at which the probabilities p, the point of the simplex nearest to x, add up to 1. The value is 0
once the true class leads all others by 1. A row with the label `ignore_index` is not read.

Shapes: x (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type. Ranges: any numbers.
Source: Martins and Astudillo (2016), arXiv:1602.02068; optax's sparsemax_loss for two classes (0.2.8), entmax's
sparsemax_loss (1.3).

>>> sparsemax.at([0.5, 0.0, -2.0], 1)
(0.5625, [0.75, -0.75, 0.0])
"""

from lossreg.kernels.numerics import difference, largest
from lossreg.plugin import ClassIndex, ClassRow, IgnoredLabel, Loss, Real, Slope, hookimpl, loss


@loss
def sparsemax(x: ClassRow[Real], label: ClassIndex, slope: Slope, ignore_index: IgnoredLabel = -100) -> float:
    T = type(slope[0])
    top = largest(x)
    behind = difference(x[label], top)
    for j in range(len(x)):
        slope[j] = difference(x[j], top)
    # Newton's method: the threshold of those above the one before, until it stays. It is at least 1 below the top.
    threshold, rises = T(-1), True
    while rises:
        count, added = T(0), T(-1)
        for j in range(len(slope)):
            above = slope[j] > threshold
            count, added = count + T(above), added + (slope[j] if above else T(0))
        rises = added / count > threshold
        threshold = added / count if rises else threshold
    others, squares = T(0), T(0)
    for j in range(len(slope)):
        p = T(0) if slope[j] <= threshold else slope[j] - threshold
        slope[j] = p
        p = T(0) if j == label else p
        others, squares = others + p, squares + p * p
    slope[label] = -others
    return T(0.5) * (squares + others * others) + (T(0) if behind >= threshold else threshold - behind)


@hookimpl
def lossreg_component() -> Loss:
    return sparsemax
