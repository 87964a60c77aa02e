"""ArcFace: cross-entropy of the cosines to the centres of classes, where the own class's angle is larger by a margin.

    value = log(sum_j e^(l_j)) - l_label        l_j = scale cos(theta_j + margin [j = label])
    slope by the cosine of j = scale (softmax(l)_j - [j = label]), of the own one times sin(theta + margin) / sin(theta)

with the angle theta_j between embedding and centre j. Where theta + margin is above pi, l_label is scale (cos(theta) -
margin sin(margin)), which still falls with the angle. At theta = 0 and pi, where the slope of the own cosine has no
limit, it is that of margin 0. The centres are learned. A vector of zeros has cosine 0, and no slope.

Shapes: embedding (N, D), label (N), centres (C, D). Ranges: any numbers; labels 0 to C - 1; margin 0 to 1; scale above
0 and finite.
Exactness: a cosine is rounded, and scale multiplies the error.
Source: Deng et al. (2019), arXiv:1801.07698, with margin 0.5 and scale 64; pytorch-metric-learning's ArcFaceLoss (2.9),
in degrees.

>>> arcface.at([1.0, 0.0], 0, [[0.0, 1.0], [0.0, 1.0]], margin=0.0, scale=1.0)[0]
0.6931471805599453
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import sqrt, wide
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    FinitePositive,
    Learned,
    Loss,
    SampleWeight,
    Slopes,
    Unit,
    each,
    hookimpl,
    loss,
    normalized_rows,
    row_criterion,
    through_cosines,
)


@loss
def arcface(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    centres: Annotated[Array, Axes("C D"), Learned(lambda random, shape: random.normal(size=shape))],
    sample_weight: SampleWeight,
    slopes: Slopes,
    margin: Unit = 0.5,
    scale: FinitePositive = 64.0,
) -> Array:
    import numpy as np

    x, c = normalized_rows(embedding), normalized_rows(centres)
    cosines, by_own = x[0] @ c[0].T, np.empty(len(embedding))
    turn = float(np.cos(margin)), float(np.sin(margin)), float(margin)
    each(turn_own, len(embedding), x[0], c[0], label, *turn, cosines, by_own)
    cosines *= scale
    criterion = row_criterion("cross_entropy")
    values, grad = criterion.value_and_grad(cosines, label, sample_weight=sample_weight, out=cosines)
    grad[np.arange(len(grad)), label] *= by_own.astype(grad.dtype)
    grad *= scale
    through_cosines(grad, x, c, slopes, ("embedding", "centres"))
    return values


def turn_own(
    i: int, x: Any, c: Any, label: Any, by_cosine: float, by_sine: float, margin: float, cosines: Any, by_own: Any
) -> None:
    """Turn the cosine of a sample to its own centre by the margin; `by_own` gets the slope of the result by it.

    The cosine of a small angle hides it: in float64, and of rows that have length 1 to all digits, it does not.
    """
    u, v = x[i], c[label[i]]
    along, size, other = 0.0, 0.0, 0.0
    for j in range(len(u)):
        along += wide(u[j]) * v[j]
        size += wide(u[j]) * u[j]
        other += wide(v[j]) * v[j]
    cosine = max(-1.0, min(1.0, along / sqrt(size * other))) if size * other > 0 else 0.0
    sine = sqrt((1 - cosine) * (1 + cosine))
    turned = cosine >= -by_cosine
    cosines[i, label[i]] = cosine * by_cosine - sine * by_sine if turned else cosine - margin * by_sine
    by_own[i] = by_cosine + cosine / sine * by_sine if turned & (sine > 0) else 1.0


@arcface.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Four classes."""
    return [random.normal(size=(samples, 3)), random.integers(0, 4, samples), random.normal(size=(4, 3))], {
        "scale": 4.0
    }


@hookimpl
def lossreg_component() -> Loss:
    return arcface
