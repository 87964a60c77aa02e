"""Overlaps of predicted and true pixels: losses of their sums for each image and class, and the gradients."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from lossreg.kernels.batches.segments import stable_order
from lossreg.kernels.drivers.batch_kernel import each, require
from lossreg.kernels.drivers.threads import get_num_threads
from lossreg.kernels.numerics import agreement_sums, confusion_sums, weighted_confusion_sums

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any

PIXELS = 4096
"""How many pixels are added up together, so that they are still in the first level of the cache when checked."""


def overlap_losses(
    ratio: Callable[..., None],
    prediction: Array,
    target: Array,
    weight: Array,
    slopes: Any,
    *parameters: Any,
    over_batch: bool,
    squared: bool = False,
) -> Array:
    """Return the value of each image and class, or over the batch of each class, from sums over the pixels.

    Prediction and target are (N, C, pixels), the weights (N, pixels), and the values (N, C) or (C). For each image,
    `ratio(n, sums, values, factors, *parameters)` reads sums[n, c], which are those of w p t, w p (1 - t) and
    w t (1 - p), or with `squared` the last two are both of w (p - t)^2 / 2. It fills values[n, c], and in factors[n, c]
    the a, b and c of the slope w (a + b t + c p). An image gets its slopes while it is in the cache. Raises
    InvalidInput for a number that is not within 0 to 1, so that the annotations of both have `kernel_checks`.
    """
    import numpy as np

    (images, classes, _), (bits, one) = prediction.shape, patterns_of(prediction.itemsize)
    sums, factors, largest = np.empty((images, classes, 3)), np.empty((images, classes, 3)), np.empty(images, bits)
    values = np.zeros((1 if over_batch else images, classes))
    # As integers, positive floats keep their order, and negative ones and nan are above all that are allowed.
    pixels = prediction, target, weight, int(squared), prediction.view(bits), target.view(bits)
    slope = slopes.get("prediction", np.empty((0, 0, 0), prediction.dtype))
    if not over_batch and images >= get_num_threads():
        each(fused(ratio), images, *pixels, largest, sums, factors, slopes.factor, slope, values, *parameters)
    else:
        each(add_image, images, *pixels, largest, sums)
        sums = sums.sum(axis=0, keepdims=True) if over_batch else sums
        each(ratio, len(sums), sums, values, factors, *parameters)
        factors[...] = factors[: len(sums)]
        each(fill_image, len(slope), *pixels[:3], factors, slopes.factor, slope)
    if max(largest.tolist(), default=0) > one:
        for name, x in (("prediction", prediction), ("target", target)):
            require((x >= 0) & (x <= 1), name, x, "from 0 to 1")
    return (values[0] if over_batch else values).astype(weight.dtype)


@cache
def patterns_of(size: int) -> tuple[Any, int]:
    """The unsigned integers with the bits of floats of a size, and that of 1."""
    import numpy as np

    bits = np.dtype(f"u{size}")
    return bits, int(np.ones(1, f"f{size}").view(bits)[0])


@lru_cache(64)
def fused(ratio: Callable[..., None]) -> Callable[..., None]:
    """The function that adds up the pixels of one image, computes its values, and fills its slopes."""

    def fit_image(
        n: int,
        prediction: Any,
        target: Any,
        weight: Any,
        squared: int,
        patterns: Any,
        other_patterns: Any,
        largest: Any,
        sums: Any,
        factors: Any,
        factor: float,
        slope: Any,
        values: Any,
        *parameters: Any,
    ) -> None:
        add_image(n, prediction, target, weight, squared, patterns, other_patterns, largest, sums)
        ratio(n, sums, values, factors, *parameters)
        if len(slope) > 0:
            fill_image(n, prediction, target, weight, factors, factor, slope)

    return fit_image


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


def add_image(
    n: int,
    prediction: Any,
    target: Any,
    weight: Any,
    squared: int,
    patterns: Any,
    other_patterns: Any,
    largest: Any,
    sums: Any,
) -> None:
    """Fill the sums of one image, and the largest bit pattern of its numbers."""
    most, weighted = patterns[n, 0, 0], is_weighted(weight[n])
    for c in range(sums.shape[1]):
        both, wrong, missed = 0.0, 0.0, 0.0
        for start in range(0, prediction.shape[2], PIXELS):
            part = slice(start, min(start + PIXELS, prediction.shape[2]))
            p, t, w = prediction[n, c, part], target[n, c, part], weight[n, part]
            if squared:
                shared, apart = agreement_sums(w, p, t)
                over, under = apart / 2, apart / 2
            elif weighted:
                shared, over, under = weighted_confusion_sums(w, p, t)
            else:
                shared, over, under = confusion_sums(p, t)
            both, wrong, missed = both + shared, wrong + over, missed + under
            of_prediction, of_target = patterns[n, c, part], other_patterns[n, c, part]
            for j in range(len(of_prediction)):
                most = max(most, of_prediction[j], of_target[j])
        sums[n, c, 0], sums[n, c, 1], sums[n, c, 2] = both, wrong, missed
    largest[n] = most


def is_weighted(weight: Any) -> bool:
    """Whether a weight is not 1."""
    weighted = False
    for j in range(len(weight)):
        weighted |= weight[j] != 1
    return weighted


def fill_image(n: int, prediction: Any, target: Any, weight: Any, factors: Any, factor: float, slope: Any) -> None:
    """Fill the slopes of one image."""
    w, T = weight[n], type(weight[n, 0])
    weighted = is_weighted(w)
    for c in range(slope.shape[1]):
        own, p, t = slope[n, c], prediction[n, c], target[n, c]
        constant, by_target = T(factor * factors[n, c, 0]), T(factor * factors[n, c, 1])
        by_prediction = T(factor * factors[n, c, 2])
        if by_prediction != 0:
            for j in range(len(own)):
                own[j] = w[j] * (constant + by_target * t[j] + by_prediction * p[j])
        elif weighted:
            for j in range(len(own)):
                own[j] = w[j] * (constant + by_target * t[j])
        else:
            for j in range(len(own)):
                own[j] = constant + by_target * t[j]
