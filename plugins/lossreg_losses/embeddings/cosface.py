"""CosFace: cross-entropy of the cosines to the centres of classes, where the own class's cosine is less by a margin.

    value = log(sum_j e^(l_j)) - l_label        l_j = scale (cos(theta_j) - margin [j = label])
    slope by the cosine of j = scale (softmax(l)_j - [j = label])

with the angle theta_j between embedding and centre j. The centres are learned. With margin 0 it is the normalized
softmax. A vector of zeros has cosine 0 with any other, and no slope.

Shapes: embedding (N, D), label (N), centres (C, D). Ranges: any numbers; labels 0 to C - 1; margin 0 or above and
finite; scale above 0 and finite.
Exactness: a cosine is rounded, and scale multiplies the error.
Source: Wang et al. (2018), arXiv:1801.09414, with margin 0.35 and scale 64; pytorch-metric-learning's CosFaceLoss
(2.9).

>>> cosface.at([1.0, 0.0], 0, [[0.0, 1.0], [0.0, 1.0]], margin=0.0, scale=1.0)[0]
0.6931471805599453
"""

from typing import Annotated, Any

from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    FiniteNonNegative,
    FinitePositive,
    Learned,
    Loss,
    SampleWeight,
    Slopes,
    hookimpl,
    loss,
    normalized_rows,
    row_criterion,
    through_cosines,
)


@loss
def cosface(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    centres: Annotated[Array, Axes("C D"), Learned(lambda random, shape: random.normal(size=shape))],
    sample_weight: SampleWeight,
    slopes: Slopes,
    margin: FiniteNonNegative = 0.35,
    scale: FinitePositive = 64.0,
) -> Array:
    import numpy as np

    x, c = normalized_rows(embedding), normalized_rows(centres)
    cosines = x[0] @ c[0].T
    cosines[np.arange(len(embedding)), label] -= margin
    cosines *= scale
    criterion = row_criterion("cross_entropy")
    values, grad = criterion.value_and_grad(cosines, label, sample_weight=sample_weight, out=cosines)
    grad *= scale
    through_cosines(grad, x, c, slopes, ("embedding", "centres"))
    return values


@cosface.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Four classes."""
    return [random.normal(size=(samples, 3)), random.integers(0, 4, samples), random.normal(size=(4, 3))], {
        "scale": 4.0
    }


@hookimpl
def lossreg_component() -> Loss:
    return cosface
