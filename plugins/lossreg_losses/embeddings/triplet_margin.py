"""Triplet margin: by how much a positive fails to be closer to the anchor than a negative, by `margin`.

    value = max(0, d(anchor, positive) - d(anchor, negative) + margin)
    d(u, v) = (sum_j |u_j - v_j + eps|^p)^(1/p)

With `swap` the negative's distance is that to the anchor or to the positive, whichever is smaller. The slope of a
distance is sign(u_j - v_j + eps) (|u_j - v_j + eps| / d)^(p - 1), and 0 where d is 0; for p = inf it is shared by the
largest differences. Where the maximum is 0 all slopes are 0. A value comes from two rounded distances, and is as
exact as the larger of them.

Shapes: anchor, positive and negative (..., D), the loss's own (...). Ranges: any numbers; margin and p above 0; any
eps.
Exactness: the slope of the anchor is the difference of two directions, which cancel where these are nearly equal.
Source: Balntas et al. (2016), doi:10.5244/C.30.119; PyTorch's TripletMarginLoss.

>>> triplet_margin.at([0.0, 0.0], [3.0, 0.0], [0.0, 2.5], eps=0.0)
(1.5, [-1.0, 1.0], [1.0, -0.0], [0.0, -1.0])
"""

from lossreg.kernels.numerics import distance, empty_like, excess
from lossreg.plugin import Loss, Positive, Real, Row, Slope, hookimpl, loss


@loss
def triplet_margin(
    anchor: Row[Real],
    positive: Row[Real],
    negative: Row[Real],
    anchor_slope: Slope,
    positive_slope: Slope,
    negative_slope: Slope,
    margin: Positive = 1.0,
    p: Positive = 2.0,
    eps: Real = 1e-6,
    swap: bool = False,
) -> float:
    T = type(anchor[0])
    turn, turned = empty_like(anchor) if swap else anchor, T(0)
    near = distance(anchor, positive, eps, positive_slope, p)
    far = distance(anchor, negative, eps, negative_slope, p)
    if swap:
        across = distance(positive, negative, eps, turn, p)
        lead = excess(across, far)
        turned = T(0.5) if lead == 0 else T(lead < 0)
        far = across if lead < 0 else far
    value = excess(near, far) + margin
    active = T(value >= 0)
    for j in range(len(anchor)):
        pull, push = active * positive_slope[j], active * (T(1) - turned) * negative_slope[j]
        aside = active * turned * turn[j] if swap else T(0)
        anchor_slope[j], positive_slope[j], negative_slope[j] = pull - push, -pull - aside, push + aside
    return T(0) if value <= 0 else value


@hookimpl
def lossreg_component() -> Loss:
    return triplet_margin
