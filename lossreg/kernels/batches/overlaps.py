"""Overlaps of predicted and true pixels: their sums for each image and class, and the gradients through them."""

from __future__ import annotations

from typing import Any

from lossreg.kernels.batches.segments import stable_order
from lossreg.kernels.drivers.batch_kernel import each, require
from lossreg.kernels.numerics import agreement_sums, confusion_sums

Array = Any


def overlap_sums(prediction: Array, target: Array, weight: Array, *, over_batch: bool, squared: bool = False) -> Array:
    """Return sums over the pixels of each image and class, of w p t, of w p (1 - t) and of w t (1 - p).

    Prediction and target are (N, C, pixels), the weights (N, pixels), the sums (N, C, 3), or (1, C, 3) over the batch.
    With `squared` the last two are both w (p - t)^2 / 2. Raises InvalidInput for a number that is not within 0 to 1, so
    that the annotations of both have `kernel_checks`.
    """
    import numpy as np

    images, classes = prediction.shape[:2]
    sums = np.empty((images, classes, 4))
    each(add_overlap, images * classes, prediction, target, weight, int(squared), sums)
    if sums[..., 3].any():
        for name, x in (("prediction", prediction), ("target", target)):
            require((x >= 0) & (x <= 1), name, x, "from 0 to 1")
    return sums[..., :3].sum(axis=0, keepdims=True) if over_batch else sums[..., :3]


def fill_overlap_slopes(slopes: Any, prediction: Array, target: Array, weight: Array, factors: Any) -> None:
    """Fill the slopes of the predictions with w (a + b t + c p), for factors a, b and c by image and class."""
    import numpy as np

    slope = slopes["prediction"]
    images, classes = slope.shape[:2]
    scaled = np.empty((images, classes, 3))
    for at, factor in enumerate(factors):
        scaled[..., at] = factor * slopes.factor
    each(fill_slopes, images * classes, prediction, target, weight, scaled, slope)


def inverse_or_zero(x: Array) -> Array:
    """Return 1 / x where x is above 0, and 0 elsewhere: the factor of a ratio of sums that may be empty."""
    import numpy as np

    return np.divide(1, x, out=np.zeros_like(x), where=x > 0)


def lovasz_jaccard(error: Array, inside: Array, weight: Array) -> tuple[Array, Array]:
    """Return the Lovasz extension of the Jaccard loss at the errors of pixels, which are 0 or above, and its slopes.

    `inside` is whether a pixel belongs to the true region.
    """
    import numpy as np

    order, value, slope = stable_order(-error), np.zeros(1), np.empty(len(error))
    each(walk_down, 1, order, error, inside, weight, value, slope)
    return value[0], slope


def add_overlap(i: int, prediction: Any, target: Any, weight: Any, squared: int, sums: Any) -> None:
    """Fill the sums of one image and class."""
    n, c = i // prediction.shape[1], i % prediction.shape[1]
    p, t, w = prediction[n, c], target[n, c], weight[n]
    own = sums[n, c]
    if squared:
        own[0], apart, own[3] = agreement_sums(w, p, t)
        own[1] = own[2] = apart / 2
    else:
        own[0], own[1], own[2], own[3] = confusion_sums(w, p, t)


def walk_down(_: int, order: Any, error: Any, inside: Any, weight: Any, value: Any, slope: Any) -> None:
    """Fill what each pixel, the one with the largest error first, adds to the Jaccard loss of those that are wrong."""
    union = 0.0
    for i in range(len(inside)):
        union += float(weight[i]) if inside[i] else 0.0
    wrong, before, total = 0.0, 0.0, 0.0
    for at in range(len(order)):
        i = order[at]
        wrong = wrong + weight[i]
        union = union + (0.0 if inside[i] else float(weight[i]))
        loss = wrong / union if union > 0 else 0.0
        slope[i] = loss - before
        total = total + error[i] * slope[i]
        before = loss
    value[0] = total


def fill_slopes(i: int, prediction: Any, target: Any, weight: Any, factors: Any, slope: Any) -> None:
    """Fill the slopes of one image and class."""
    n, c = i // slope.shape[1], i % slope.shape[1]
    own, p, t, w = slope[n, c], prediction[n, c], target[n, c], weight[n]
    T = type(w[0])
    constant, by_target, by_prediction = T(factors[n, c, 0]), T(factors[n, c, 1]), T(factors[n, c, 2])
    if by_prediction == 0:  # the predictions need not be read
        for s in range(len(own)):
            own[s] = w[s] * (constant + by_target * t[s])
        return
    for s in range(len(own)):
        own[s] = w[s] * (constant + by_target * t[s] + by_prediction * p[s])
