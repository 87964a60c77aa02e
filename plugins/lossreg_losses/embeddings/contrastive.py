"""Contrastive: the squared distance of two vectors that belong together, and by how much others are below a margin.

    value = d^2 / 2                      target  1        d = |x1 - x2|
          = max(0, margin - d)^2 / 2     target -1
    slope of x1 = x1 - x2                target  1
          = -max(0, margin - d) (x1 - x2) / d, target -1; of x2 its negative

At d = 0 two vectors that do not belong together have no direction, and slope 0; nor have they one at the margin.

Shapes: x1 and x2 (N, D) with target (N), or (D) with a single target. Ranges: any numbers; target 1 or -1; margin 0 or
above and finite.
Exactness: where the square of a distance overflows, the value is inf.
Source: Hadsell, Chopra, LeCun (2006), doi:10.1109/CVPR.2006.100, whose label is 0 for what belongs together.
pytorch-metric-learning's ContrastiveLoss (2.9) has distances of all pairs, without squares.

>>> contrastive.at([3.0, 4.0], [0.0, 0.0], 1.0)
(12.5, [3.0, 4.0], [-3.0, -4.0])
>>> contrastive.at([0.6, 0.8], [0.0, 0.0], -1.0, margin=2.0)[0]
0.5
"""

from lossreg.kernels.numerics import distance
from lossreg.plugin import (
    FiniteNonNegative,
    Loss,
    Real,
    Row,
    Sign,
    Slope,
    hookimpl,
    loss,
)


@loss
def contrastive(
    x1: Row[Real], x2: Row[Real], target: Sign, slope1: Slope, slope2: Slope, margin: FiniteNonNegative = 1.0
) -> float:
    T = type(x1[0])
    size, multiple = distance(x1, x2, T(0), slope1, T(2))
    length = T(size * multiple)
    missing = max(margin - length, T(0))
    part = length if target > 0 else -missing
    for j in range(len(x1)):
        slope1[j] = x1[j] - x2[j] if target > 0 else part * slope1[j]
        slope2[j] = -slope1[j]
    return T(0.5) * part * part


@hookimpl
def lossreg_component() -> Loss:
    return contrastive
