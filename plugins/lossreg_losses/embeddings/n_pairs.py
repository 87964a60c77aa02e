"""N-pairs: the cross-entropy of finding each anchor's positive among the positives of all classes, by products.

    value = log(1 + sum_{j != i} e^(x_i . y_j - x_i . y_i)) + l2 (|x_i|^2 + |y_i|^2)        x = anchor, y = positive
    slope by x_i . y_j = e^(x_i . y_j) / sum_k e^(x_i . y_k) - [j is i]

The vectors are not normalized, and kept short by `l2`. Each pair of a batch is of another class. The N x N products
exist for a block of rows at a time.

Shapes: anchor and positive (N, D). Ranges: any numbers; l2 0 or above and finite. The weight of a sample multiplies its
value.
Exactness: a product of two rows is rounded before its exponential is taken.
Source: Sohn (2016), Improved deep metric learning with multi-class n-pair loss objective, equation 7;
pytorch-metric-learning's NPairsLoss (2.9).

>>> n_pairs.at([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]])[0]
[0.6931471805599453, 0.6931471805599453]
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import surprise
from lossreg.plugin import (
    Array,
    Axes,
    FiniteNonNegative,
    Loss,
    Real,
    SampleWeight,
    Slopes,
    View,
    each_row_of_products,
    hookimpl,
    loss,
)


@loss(couples="anchors")
def n_pairs(
    anchor: Annotated[Array, Axes("N D")],
    positive: Annotated[Array, Axes("N D", View[Real])],
    sample_weight: SampleWeight,
    slopes: Slopes,
    l2: FiniteNonNegative = 0.0,
) -> Array:
    import numpy as np

    values, by_anchor, by_positive = np.empty_like(sample_weight), slopes.get("anchor"), slopes.get("positive")
    each_row_of_products(find, anchor, positive, by_anchor, by_positive, sample_weight, values)
    if l2 > 0:
        weight = l2 * sample_weight[:, np.newaxis]
        for x, slope in ((anchor, by_anchor), (positive, by_positive)):
            values += (weight * x**2).sum(axis=1)
            if slope is not None:
                np.add(slope, 2 * weight * x, out=slope)
    return values


def find(i: int, start: int, products: Any, weight: Any, values: Any) -> None:
    """The value of one anchor; its row of products becomes that of the slopes."""
    row, own = products[i], start + i
    w = weight[own]
    values[own] = w * surprise(row, own, row)[0]
    for j in range(len(row)):
        row[j] = w * row[j]


@n_pairs.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Positives near their anchors."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {"l2": 0.1}


@hookimpl
def lossreg_component() -> Loss:
    return n_pairs
