"""NT-Xent: the cross-entropy of finding the other view of a sample among all other vectors of both views, by cosine.

    value = (l(i, i') + l(i', i)) / 2        l(i, j) = log(sum_{k != i} e^(s_ik)) - s_ij
    slope by s_ij = half of e^(s_ij) / sum_{k != i} e^(s_ik) - [j is the other view of i]

with s_ij = cos(z_i, z_j) / temperature over the 2 N vectors z of both views: it is `supcon` in which every sample is a
class. A vector of zeros has cosine 0 with any other, and no slope. The time grows with N^2, the memory with N.

Shapes: embedding and view (N, D). Ranges: any numbers; temperature above 0 and finite. The weight of a sample
multiplies its value.
Source: Chen et al. (2020), arXiv:2002.05709; pytorch-metric-learning's NTXentLoss (2.9), with temperature 0.07.

>>> nt_xent.at([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], temperature=1.0)[0]
[0.5514447139320511, 0.5514447139320511]
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, surprise
from lossreg.plugin import (
    Array,
    Axes,
    FinitePositive,
    Loss,
    Real,
    SampleWeight,
    Slopes,
    View,
    each_row_of_cosines,
    hookimpl,
    loss,
)


@loss(couples="anchors")
def nt_xent(
    embedding: Annotated[Array, Axes("N D")],
    view: Annotated[Array, Axes("N D", View[Real])],
    sample_weight: SampleWeight,
    slopes: Slopes,
    temperature: FinitePositive = 0.5,
) -> Array:
    import numpy as np

    both, count = np.concatenate([embedding, view]), len(view)
    grad: Any = np.empty_like(both) if slopes else None
    values = np.empty(2 * count, both.dtype)
    each_row_of_cosines(find, both, both, grad, grad, sample_weight, 1 / temperature, values)
    for name, slope in slopes.items():
        slope[...] = grad[:count] if name == "embedding" else grad[count:]
    return values[:count] + values[count:]


def find(i: int, start: int, cosines: Any, weight: Any, scale: float, values: Any) -> None:
    """The value of one vector; its row of cosines becomes that of the slopes."""
    row, own, count = cosines[i], start + i, len(weight)
    T, sample = type(row[0]), own % count
    sharp, w = T(scale), weight[sample] / 2
    for j in range(len(row)):
        row[j] = sharp * row[j]
    row[own] = -INFINITY
    values[own] = w * surprise(row, sample if own >= count else sample + count, row)[0]
    for j in range(len(row)):
        row[j] = sharp * w * row[j]


@nt_xent.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Views near each other."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {}


@hookimpl
def lossreg_component() -> Loss:
    return nt_xent
