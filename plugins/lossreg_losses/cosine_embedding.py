"""Cosine embedding: one minus the cosine of two vectors that belong together, the cosine above a margin of others.

    value = 1 - c              target  1      c = x1 . x2 / (|x1| |x2|)
          = max(0, c - margin) target -1

    slope of x1 = -+ (x2 / |x2| - c x1 / |x1|) / |x1|, and likewise of x2

A vector of norm 0 has cosine 0 with any other, and no slope.

Shapes: x1 and x2 (N, D) with target (N), or (D) with a single target. Ranges: any numbers; target 1 or -1; any margin.
Source: Hadsell, Chopra, LeCun (2006), doi:10.1109/CVPR.2006.100; PyTorch's CosineEmbeddingLoss. Unlike there, norms of
1e-8 and of 1e200 give their cosine too: nothing is added to them, and they are scaled before they are squared.

>>> cosine_embedding.at([1.0, 0.0], [0.0, 1.0], 1.0)
(1.0, [-0.0, -1.0], [-1.0, -0.0])
"""

from lossreg import Loss, Real, Row, Sign, Slope, hookimpl, loss
from lossreg.kernels.stable import direction, gap


@loss
def cosine_embedding(
    x1: Row[Real], x2: Row[Real], target: Sign, slope1: Slope, slope2: Slope, margin: Real = 0.0
) -> float:
    T = type(slope1[0])
    (size1, length1), (size2, length2) = direction(x1, slope1), direction(x2, slope2)
    cosine, apart = T(0), T(0)
    for j in range(len(x1)):
        cosine += slope1[j] * slope2[j]
        apart += (slope1[j] - slope2[j]) * (slope1[j] - slope2[j])
    # u - c v, where u is nearly v or -v, is taken from u - v or u + v: by `gap`, which stays in one piece.
    facing, along1, along2 = T(cosine > T(0.5)) - T(cosine < T(-0.5)), T(0), T(0)
    for j in range(len(x1)):
        along1 += slope1[j] * gap(slope2[j], facing * slope1[j])
        along2 += slope2[j] * gap(slope1[j], facing * slope2[j])
    directed = length1 * length2 != 0
    turned = T(0.5) * apart if directed else T(1)
    side = T(0) if not directed else T(-1) if target > 0 else T(cosine >= margin)
    for j in range(len(x1)):
        u, v = slope1[j], slope2[j]
        slope1[j] = side * (gap(v, facing * u) - along1 * u) / size1 / max(length1, T(1))
        slope2[j] = side * (gap(u, facing * v) - along2 * v) / size2 / max(length2, T(1))
    return turned if target > 0 else max(cosine - margin, T(0))


@hookimpl
def lossreg_loss() -> Loss:
    return cosine_embedding
