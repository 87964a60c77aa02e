"""Entmax 1.5: between cross-entropy and `sparsemax`, with probabilities that may be exactly 0.

    value = 2 / 3 (sum_{j != label} s_j^3 + (1 - s)^2 (s + 2)) + max(0, 2 t - x_label)      s_j = max(0, x_j / 2 - t)
    slope = s^2 - 1[label]                                                                  s = s_label

with the threshold t at which the probabilities s_j^2 add up to 1. The value is 0 once the true class leads all others
by 2. A row with the label `ignore_index` is not read.

Shapes: x (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type. Ranges: any numbers.
Source: Peters, Niculae, Martins (2019), arXiv:1905.05702; entmax's entmax15_loss (1.3).

>>> entmax15.at([0.0, 0.0, -8.0], 1)
(0.39052429175126985, [0.4999999999999999, -0.4999999999999999, 0.0])
"""

from lossreg.kernels.numerics import difference, largest
from lossreg.plugin import ClassIndex, ClassRow, IgnoredLabel, Loss, Real, Slope, hookimpl, loss


@loss
def entmax15(x: ClassRow[Real], label: ClassIndex, slope: Slope, ignore_index: IgnoredLabel = -100) -> float:
    T = type(slope[0])
    top = largest(x)
    behind = difference(x[label], top)
    for j in range(len(x)):
        slope[j] = T(0.5) * difference(x[j], top)
    # Newton's method, from below: the sum of squares is convex in the threshold, which is at least 1 below the top.
    threshold, rises = T(-1), True
    while rises:
        added, squares = T(0), T(-1)
        for j in range(len(slope)):
            s = T(0) if slope[j] <= threshold else slope[j] - threshold
            added, squares = added + s, squares + s * s
        better = threshold + T(0.5) * squares / added
        rises = better > threshold
        threshold = better if rises else threshold
    others, cubes = T(0), T(0)
    for j in range(len(slope)):
        s = T(0) if slope[j] <= threshold else slope[j] - threshold
        slope[j] = s * s
        s = T(0) if j == label else s
        others, cubes = others + s * s, cubes + s * s * s
    own = T(0.5) * behind - threshold
    own = T(0) if own <= 0 else own
    # Of a threshold that is off by a rounding the value then is not, which is least at the threshold.
    missing = T(1) - own if own < T(0.5) else others / (T(1) + own)
    slope[label] = -others
    far = T(2) * threshold - behind
    return T(2) * (cubes + missing * missing * (own + T(2))) / T(3) + (T(0) if far <= 0 else far)


@hookimpl
def lossreg_component() -> Loss:
    return entmax15
