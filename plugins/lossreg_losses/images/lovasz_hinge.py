"""Lovasz hinge: the Jaccard loss of two classes of pixels, extended from right and wrong to the hinge losses of scores.

    value = sum_i e_(i) (J_i - J_(i-1))        e = max(0, 1 - s f), s = 1 inside and -1 outside
    slope = -s_i (J_i - J_(i-1)) where e_i > 0, else 0

over the pixels of an image in descending order of their errors e, where J_i is 1 - I / U if the first i are wrong; with
over="batch" over those of all images. Pixels of equal errors may be taken in any order without changing the value;
their slopes are those of the order in which they are given. An image without pixels inside has the largest error as its
value.

Shapes: score and target (N, ...), weights and mask (N, ...). Ranges: any finite scores; target 0 to 1, inside where it
is above 1/2.
Source: Berman, Triki, Blaschko (2018), arXiv:1705.08790, algorithm 1; segmentation_models.pytorch's LovaszLoss.

>>> lovasz_hinge.at([[2.0, -0.5]], [[1, 0]])[0]
[0.25]
"""

from typing import Annotated, Any, Literal

from lossreg.plugin import (
    Array,
    Axes,
    Finite,
    Loss,
    Multiplicity,
    Slopes,
    Unit,
    hookimpl,
    loss,
    lovasz_jaccard,
)


@loss(couples="over")
def lovasz_hinge(
    score: Annotated[Array, Axes("N ...", Finite)],
    target: Annotated[Array, Axes("N ...", Unit)],
    weight: Annotated[Multiplicity, Axes("N ...")],
    slopes: Slopes,
    over: Literal["images", "batch"] = "images",
) -> Annotated[Array, Axes("N")]:
    import numpy as np

    shape = score.shape if over == "images" else (1, score.size)
    f, true, w = (x.reshape(shape) for x in (score, target > 0.5, weight))
    side = 2 * true.astype(weight.dtype) - 1
    error = np.maximum(0, 1 - (side * f).astype(float))
    values, by_error = np.empty(len(error)), np.empty(shape, weight.dtype)
    for at in range(len(error)):
        values[at], by_error[at] = lovasz_jaccard(error[at], true[at], w[at])
    if "score" in slopes:
        by_error *= error > 0
        np.multiply(by_error, -side, out=slopes["score"].reshape(shape))
    return np.asarray(values if over == "images" else values[0], weight.dtype)


@lovasz_hinge.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Images of 2 by 3 pixels."""
    return [random.normal(size=(samples, 2, 3)), random.integers(0, 2, (samples, 2, 3)) * 1.0], {}


@hookimpl
def lossreg_component() -> Loss:
    return lovasz_hinge
