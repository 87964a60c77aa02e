"""Cosine embedding: one minus the cosine of two vectors that belong together, the cosine above a margin of others.

    value = 1 - c              target  1      c = x1 . x2 / (|x1| |x2|)
          = max(0, c - margin) target -1

    slope of x1 = -+ (x2 / |x2| - c x1 / |x1|) / |x1|; the slope of x2 with x1 and x2 swapped

A vector of norm 0 has cosine 0 with any other, and no slope.

Shapes: x1 and x2 (N, D) with target (N), or (D) with a single target. Ranges: any numbers; target 1 or -1; any margin.
Source: Hadsell, Chopra, LeCun (2006), doi:10.1109/CVPR.2006.100; PyTorch's CosineEmbeddingLoss. Unlike there, norms of
1e-8 and of 1e200 give their cosine too: nothing is added to them, and they are scaled before they are squared.

>>> cosine_embedding.at([1.0, 0.0], [0.0, 1.0], 1.0)
(1.0, [-0.0, -1.0], [-1.0, -0.0])
"""

from lossreg.kernels.numerics import INFINITY, angle
from lossreg.plugin import Loss, Real, Row, Sign, Slope, hookimpl, loss


@loss
def cosine_embedding(
    x1: Row[Real], x2: Row[Real], target: Sign, slope1: Slope, slope2: Slope, margin: Real = 0.0
) -> float:
    T = type(x1[0])
    cosine, turned = angle(x1, x2, slope1, slope2, -target, -T(INFINITY) if target > 0 else margin)
    over = turned if target > 0 else cosine - margin
    return T(0) if over <= 0 else over


@hookimpl
def lossreg_component() -> Loss:
    return cosine_embedding
