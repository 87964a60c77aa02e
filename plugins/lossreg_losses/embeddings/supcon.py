"""Supervised contrastive: the cross-entropy of finding the samples of an anchor's own class among all the others.

    value = log(sum_{j != i} e^(s_ij)) - mean over positives j of s_ij        s_ij = cos(x_i, x_j) / temperature
    slope by s_ij = e^(s_ij) / sum_{k != i} e^(s_ik) - [j is positive] / number of positives

The positives of i are the other samples with its label. An anchor without one has value 0, and a mean does not count
it. A vector of zeros has cosine 0 with any other, and no slope. The time grows with N^2, the memory with N.

Shapes: embedding (N, D), label (N). Ranges: any numbers; labels 0 or above; temperature above 0 and finite. The weight
of a sample multiplies its value as an anchor.
Source: Khosla et al. (2020), arXiv:2004.11362, equation 2; pytorch-metric-learning's SupConLoss (2.9).

>>> supcon.at([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], [0, 0, 1], temperature=1.0)[0]
[0.31326168751822286, 0.31326168751822286, 0.0]
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, larger, log1p
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    FinitePositive,
    Loss,
    SampleWeight,
    Scratch,
    Slopes,
    each_row_of_cosines,
    hookimpl,
    loss,
    require,
)


@loss(couples="anchors")
def supcon(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    sample_weight: SampleWeight,
    slopes: Slopes,
    temperature: FinitePositive = 0.1,
) -> tuple[Array, Array]:
    import numpy as np

    require(label >= 0, "label", label, "a class, 0 or above")
    slope = slopes.get("embedding")
    values, counts = np.empty_like(sample_weight), np.empty_like(sample_weight)
    settings = label, sample_weight, 1 / temperature, Scratch(len(label)), values, counts
    each_row_of_cosines(compare, embedding, embedding, slope, slope, *settings)
    return values, counts


def compare(
    i: int, start: int, cosines: Any, label: Any, weight: Any, scale: float, powers: Any, values: Any, counts: Any
) -> None:
    """The value of one anchor; its row of cosines becomes that of the slopes."""
    row, own = cosines[i], start + i
    T, top, same = type(row[0]), -INFINITY, label[own]
    row[own] = T(-INFINITY)
    for j in range(len(row)):
        top = larger(top, float(row[j]))
    top = top if len(row) > 1 else 0.0
    row[own] = T(top)  # the anchor itself is one of those at the top, and is not counted below
    positives, ties, others, behind = -1, -1, 0.0, 0.0
    for j in range(len(row)):
        positives += label[j] == same
        behind += top - float(row[j]) if label[j] == same else 0.0
    for j in range(len(row)):
        ahead = scale * (float(row[j]) - top)
        powers[j] = exp(ahead)
        ties += ahead == 0
        others += powers[j] if ahead < 0 else 0.0
    others += max(ties - 1, 0)  # all but one of those at the top, which add 1 to the sum
    counts[own] = weight[own] if positives > 0 else 0
    values[own] = counts[own] * (scale * behind / max(positives, 1) + log1p(others))
    factor = scale * float(counts[own]) / (1 + others)
    pull = (1 + others) * (1 - 1 / max(positives, 1))
    for j in range(len(row)):
        rest = others if powers[j] == 1 else 1 + others - powers[j]  # of one that is alone at the top, exact
        row[j] = factor * (pull - rest if label[j] == same else powers[j])
    row[own] = T(0)


@supcon.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Three classes, some of them with one sample."""
    return [random.normal(size=(samples, 3)), random.integers(0, 3, samples)], {"temperature": 0.5}


@hookimpl
def lossreg_component() -> Loss:
    return supcon
