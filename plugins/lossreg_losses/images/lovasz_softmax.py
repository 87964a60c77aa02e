"""Lovasz-Softmax: the Jaccard loss of each class of pixels, extended from right and wrong to errors of probabilities.

    value = sum_i e_(i) (J_i - J_(i-1))        e = 1 - p inside the class, p outside
    slope = -(J_i - J_(i-1)) inside, J_i - J_(i-1) outside

over the pixels of an image and class in descending order of their errors e, where J_i is 1 - I / U if the first i are
wrong; with over="batch" over those of all images. A mean is over images and classes, of the classes of "present" only
over those that have pixels in the image or batch. Pixels of equal errors may be taken in any order without changing the
value; their slopes are those of the order in which they are given. Pixels with the label `ignore_index` are not read.

Shapes: prediction (N, C, ...), label, weights and mask (N, ...). Ranges: prediction 0 to 1, any integers from 0 to C -
1 as labels.
Source: Berman, Triki, Blaschko (2018), arXiv:1705.08790; the authors' lovasz_softmax, whose batch is `over` by default.

>>> lovasz_softmax.at([[[0.75, 0.5], [0.25, 0.5]]], [[0, 1]], classes="all")[0]
[[0.375, 0.5]]
"""

from typing import Annotated, Any, Literal

from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    IgnoredLabel,
    Loss,
    Multiplicity,
    Slopes,
    Unit,
    hookimpl,
    loss,
    lovasz_jaccard,
)


@loss(couples="over")
def lovasz_softmax(
    prediction: Annotated[Array, Axes("N C ...", Unit)],
    label: Annotated[Array, Axes("N ...", ClassIndex)],
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    classes: Literal["present", "all"] = "present",
    over: Literal["images", "batch"] = "images",
    ignore_index: IgnoredLabel = -100,
) -> tuple[Annotated[Array, Axes("N C")], Array]:
    import numpy as np

    (images, number, pixels), one = prediction.shape, over == "images"
    p = np.moveaxis(prediction, 1, 0).reshape(number, *((images, pixels) if one else (1, -1))).astype(float)
    true = label.reshape(p.shape[1:]) == np.arange(number)[:, np.newaxis, np.newaxis]
    error, w = np.where(true, 1 - p, p), weight.reshape(p.shape[1:])
    values, by_error = np.empty(error.shape[:2]), np.empty_like(error)
    for at in np.ndindex(values.shape):
        values[at], by_error[at] = lovasz_jaccard(error[at], true[at], w[at[1]])
    values = values.T
    counts = ((true & (w > 0)).any(axis=2) if classes == "present" else np.ones(values.T.shape, bool)).T
    if "prediction" in slopes:
        by_error *= np.where(true, -1, 1) * counts.T[..., np.newaxis]
        slopes["prediction"][...] = np.moveaxis(by_error.reshape(number, images, pixels), 0, 1)
    values, counts = (values * counts, counts) if one else (values[0] * counts[0], counts[0])
    return values.astype(weight.dtype), counts


@lovasz_softmax.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels and three classes."""
    return [random.uniform(0.05, 0.95, (samples, 3, 2, 3)), random.integers(0, 3, (samples, 2, 3))], {}


@hookimpl
def lossreg_component() -> Loss:
    return lovasz_softmax
