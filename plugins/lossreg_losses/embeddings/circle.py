"""Circle: an anchor's cosines to its positives near 1, to its negatives near 0, those farthest from there most of all.

    value = softplus(log(sum_{negatives j} e^(a_j)) + log(sum_{positives j} e^(a_j)))
    a_j = -gamma max(0, 1 + m - c_ij) (c_ij - 1 + m) for a positive       c_ij = cos(x_i, x_j), m = margin
        = gamma max(0, c_ij + m) (c_ij - m) for a negative
    slope by a_j = sigmoid(...) e^(a_j) / sum over those of its kind

The positives of i are the other samples with its label. As in the paper, the slopes by c_ij take the weights, max(0,
...), for constants. An anchor without positives or without negatives has value 0, and a mean counts it. A vector of
zeros has cosine 0 with any other, and no slope. The time grows with N^2.

Shapes: embedding (N, D), label (N). Ranges: any numbers; labels 0 or above; margin 0 to 1; gamma above 0 and finite.
The weight of a sample multiplies its value as an anchor.
Exactness: a cosine is rounded, and gamma multiplies the error.
Source: Sun et al. (2020), arXiv:2002.10857, equation 6; pytorch-metric-learning's CircleLoss (2.9), Keras' Circle
(3.15).

>>> circle.at([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 1], margin=0.0, gamma=1.0)[0]
[0.6931471805599453, 0.6931471805599453, 0.0]
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, larger, log, sigmoid, softplus
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    FinitePositive,
    Loss,
    SampleWeight,
    Scratch,
    Slopes,
    Unit,
    each_row_of_cosines,
    hookimpl,
    loss,
    require,
)


@loss(couples="anchors")
def circle(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    sample_weight: SampleWeight,
    slopes: Slopes,
    margin: Unit = 0.4,
    gamma: FinitePositive = 80.0,
) -> Array:
    import numpy as np

    require(label >= 0, "label", label, "a class, 0 or above")
    slope, values = slopes.get("embedding"), np.empty_like(sample_weight)
    operands = label, sample_weight, float(margin), float(gamma), Scratch(len(label)), values
    each_row_of_cosines(compare, embedding, embedding, slope, slope, *operands)
    return values


def compare(
    i: int,
    start: int,
    cosines: Any,
    label: Any,
    weight: Any,
    margin: float,
    gamma: float,
    powers: Any,
    values: Any,
) -> None:
    """The value of one anchor; its row of cosines becomes that of the slopes."""
    row, own = cosines[i], start + i
    near, far = -INFINITY, -INFINITY
    for j in range(len(row)):
        same = label[j] == label[own]
        level = logit(float(row[j]), same, margin, gamma)
        near = larger(near, level if same & (j != own) else -INFINITY)
        far = larger(far, -INFINITY if same else level)
    positives, negatives = 0.0, 0.0
    for j in range(len(row)):
        same = label[j] == label[own]
        level = logit(float(row[j]), same, margin, gamma)
        power = exp(level - (near if same else far))
        powers[j] = power
        positives += power if same & (j != own) else 0.0
        negatives += 0.0 if same else power
    both = (positives > 0) & (negatives > 0)
    height = (near + far) + log(positives * negatives) if both else -INFINITY
    values[own], pull = weight[own] * softplus(height), float(weight[own]) * gamma * sigmoid(height)
    for j in range(len(row)):
        c, same = float(row[j]), label[j] == label[own]
        share = powers[j] / (positives if same else negatives)
        by_level = -max(0.0, 1 + margin - c) if same else max(0.0, c + margin)
        row[j] = pull * by_level * share if both & (j != own) else 0.0


def logit(c: float, same: bool, margin: float, gamma: float) -> float:
    """The exponent of a pair with cosine c."""
    positive = -gamma * max(0.0, 1 + margin - c) * (c - 1 + margin)
    return positive if same else gamma * max(0.0, c + margin) * (c - margin)


@circle.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Three classes, some of them with one sample."""
    return [random.normal(size=(samples, 3)), random.integers(0, 3, samples)], {"margin": 0.25, "gamma": 2.0}


@hookimpl
def lossreg_component() -> Loss:
    return circle
