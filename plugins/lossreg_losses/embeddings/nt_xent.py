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

from lossreg import create
from lossreg.plugin import (
    Array,
    Axes,
    FinitePositive,
    Loss,
    Real,
    SampleWeight,
    Slopes,
    View,
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

    both, pairs, weight = np.concatenate([embedding, view]), np.arange(2 * len(view)) % len(view), sample_weight / 2
    criterion = create("supcon", temperature=temperature, reduction="none")
    values, grad = criterion.value_and_grad(both, pairs, sample_weight=np.concatenate([weight, weight]))
    for name, slope in slopes.items():
        slope[...] = grad[: len(view)] if name == "embedding" else grad[len(view) :]
    return values[: len(view)] + values[len(view) :]


@nt_xent.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Views near each other."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {}


@hookimpl
def lossreg_component() -> Loss:
    return nt_xent
