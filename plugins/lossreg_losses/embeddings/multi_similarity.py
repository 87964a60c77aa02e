"""Multi-similarity: the cosines of positives above a `base`, those of negatives below it, the worst most of all.

    value = log(1 + sum_{positives j} e^(-alpha (c_ij - base))) / alpha
            + log(1 + sum_{negatives j} e^(beta (c_ij - base))) / beta               c_ij = cos(x_i, x_j)
    slope by c_ij = -e^(-alpha (c_ij - base)) / (1 + sum_{positives k} ...) for a positive, and so on

The positives of i are the other samples with its label. With `epsilon` only the informative pairs count, as in the
paper: negatives with a cosine above that of the worst positive less epsilon, and positives below that of the worst
negative plus epsilon; inf takes all pairs. A vector of zeros has cosine 0 with any other, and no slope. The time grows
with N^2.

Shapes: embedding (N, D), label (N). Ranges: any numbers; labels 0 or above; alpha and beta above 0; any base; epsilon 0
or above. The weight of a sample multiplies its value as an anchor.
Exactness: a cosine is rounded, and beta multiplies the error.
Source: Wang et al. (2019), arXiv:1904.06627; pytorch-metric-learning's MultiSimilarityLoss (2.9), which takes all
pairs.

>>> multi_similarity.at([[1.0, 0.0], [0.0, 1.0]], [0, 0], alpha=1.0, base=0.0)[0]
[0.6931471805599453, 0.6931471805599453]
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, larger, log, sigmoid, smaller, softplus
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    Finite,
    FinitePositive,
    Loss,
    NonNegative,
    SampleWeight,
    Scratch,
    Slopes,
    each_row_of_cosines,
    hookimpl,
    loss,
    require,
)


@loss(couples="anchors")
def multi_similarity(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    sample_weight: SampleWeight,
    slopes: Slopes,
    alpha: FinitePositive = 2.0,
    beta: FinitePositive = 50.0,
    base: Finite = 0.5,
    epsilon: NonNegative = INFINITY,
) -> Array:
    import numpy as np

    require(label >= 0, "label", label, "a class, 0 or above")
    slope, values = slopes.get("embedding"), np.empty_like(sample_weight)
    settings = (float(alpha), float(beta), float(base), float(epsilon), Scratch(len(label)))
    each_row_of_cosines(compare, embedding, embedding, slope, slope, label, sample_weight, *settings, values)
    return values


def compare(
    i: int,
    start: int,
    cosines: Any,
    label: Any,
    weight: Any,
    alpha: float,
    beta: float,
    base: float,
    epsilon: float,
    powers: Any,
    values: Any,
) -> None:
    """The value of one anchor; its row of cosines becomes that of the slopes."""
    row, own = cosines[i], start + i
    least, most = INFINITY, -INFINITY
    for j in range(len(row)):
        same = label[j] == label[own]
        least = smaller(least, float(row[j]) if same & (j != own) else INFINITY)
        most = larger(most, -INFINITY if same else float(row[j]))
    below, above = (most + epsilon, least - epsilon) if epsilon < INFINITY else (INFINITY, -INFINITY)
    # The sums are of exponentials less that of the worst positive and of the worst negative.
    near, far = 0.0, 0.0
    for j in range(len(row)):
        x, same = float(row[j]), label[j] == label[own]
        power = exp(-alpha * (x - least) if same else beta * (x - most))
        powers[j] = power
        near += power if same & (j != own) & (x < below) else 0.0
        far += power if (not same) & (x > above) else 0.0
    level = log(near) - alpha * (least - base) if near > 0 else -INFINITY
    height = log(far) + beta * (most - base) if far > 0 else -INFINITY
    values[own] = weight[own] * (softplus(level) / alpha + softplus(height) / beta)
    pull = -weight[own] * sigmoid(level) / near if near > 0 else 0.0
    push = weight[own] * sigmoid(height) / far if far > 0 else 0.0
    for j in range(len(row)):
        x, same = float(row[j]), label[j] == label[own]
        mined = x < below if same else x > above
        row[j] = powers[j] * (pull if same else push) if mined & (j != own) else 0.0


@multi_similarity.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Three classes, some of them with one sample."""
    return [random.normal(size=(samples, 3)), random.integers(0, 3, samples)], {"alpha": 2.0, "beta": 4.0}


@hookimpl
def lossreg_component() -> Loss:
    return multi_similarity
