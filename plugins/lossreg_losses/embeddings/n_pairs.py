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

from lossreg import create
from lossreg.plugin import (
    Array,
    Axes,
    FiniteNonNegative,
    Loss,
    Real,
    SampleWeight,
    Slopes,
    View,
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

    values, grads = create("linear_cross_entropy", reduction="none").value_and_grad(
        anchor, positive, np.arange(len(anchor)), sample_weight=sample_weight, wrt=("features", "linear_weight")
    )
    weight = l2 * sample_weight[:, np.newaxis]
    for name, x, grad in zip(("anchor", "positive"), (anchor, positive), grads, strict=True):
        if name in slopes:
            slopes[name][...] = grad + 2 * weight * x
    return values + (weight * (anchor**2 + positive**2)).sum(axis=1)


@n_pairs.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Positives near their anchors."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {"l2": 0.1}


@hookimpl
def lossreg_component() -> Loss:
    return n_pairs
