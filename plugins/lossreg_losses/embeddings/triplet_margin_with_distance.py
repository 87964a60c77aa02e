"""Triplet margin by any distance: by how much a positive fails to be closer to the anchor than a negative, by `margin`.

    value = max(0, d(anchor, positive) - d(anchor, negative) + margin)

The parameter `distance_function` is d: euclidean (PyTorch's default), manhattan and chebyshev, which like PyTorch's
PairwiseDistance add 1e-6 to each difference; squared_euclidean and cosine, which do not; or a function of two rows and
the two rows of slopes that it fills, which returns the distance, in the manner of a kernel. With `swap` the negative's
distance is that to the anchor or to the positive, whichever is smaller. The slopes are those of the distances; where
the maximum is 0 all are 0. A value comes from two rounded distances, and is as exact as the larger of them.

Shapes: anchor, positive and negative (..., D), the loss's own (...). Ranges: any numbers; margin above 0.
Exactness: the slope of the anchor is the difference of two directions, which cancel where these are nearly equal.
Source: Balntas et al. (2016), doi:10.5244/C.30.119; PyTorch's TripletMarginWithDistanceLoss.

>>> triplet_margin_with_distance.at([0.0, 0.0], [3.0, 0.0], [0.0, 2.5], distance_function="squared_euclidean")
(3.75, [-6.0, 5.0], [6.0, -0.0], [-0.0, -5.0])
"""

from lossreg.kernels.numerics import Distance, difference, empty_like
from lossreg.plugin import Loss, Positive, Real, Row, Slope, hookimpl, loss


@loss(ulps=200_000)  # slopes are differences of those of two distances, which cancel where these are nearly equal
def triplet_margin_with_distance(
    anchor: Row[Real],
    positive: Row[Real],
    negative: Row[Real],
    anchor_slope: Slope,
    positive_slope: Slope,
    negative_slope: Slope,
    margin: Positive = 1.0,
    distance_function: Distance = "euclidean",
    swap: bool = False,
) -> float:
    T = type(anchor[0])
    push, turned = empty_like(anchor), T(0)
    turn, other = (empty_like(anchor), empty_like(anchor)) if swap else (anchor, anchor)
    near = distance_function(anchor, positive, anchor_slope, positive_slope)
    far = distance_function(anchor, negative, push, negative_slope)
    if swap:
        across = distance_function(positive, negative, turn, other)
        turned = T(0.5) if across == far else T(across < far)
        far = min(far, across)
    value = difference(near, far) + margin
    active = T(value >= 0)
    for j in range(len(anchor)):
        anchor_slope[j] = active * (anchor_slope[j] - (T(1) - turned) * push[j])
        positive_slope[j] = active * (positive_slope[j] - (turned * turn[j] if swap else T(0)))
        negative_slope[j] = -active * ((T(1) - turned) * negative_slope[j] + (turned * other[j] if swap else T(0)))
    return T(0) if value <= 0 else value


@hookimpl
def lossreg_component() -> Loss:
    return triplet_margin_with_distance
