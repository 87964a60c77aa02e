"""InfoNCE: the cross-entropy of finding each query's own key among the keys of the batch, by cosine and temperature.

    value = log(sum_k e^(s_ik)) - s_ii                                s_ik = cos(query_i, key_k) / temperature
          = the mean of that and of log(sum_k e^(s_ki)) - s_ii        symmetric
    slope by s_ik = e^(s_ik) / sum_j e^(s_ij) - [k is i]

The temperature is learned. With `symmetric` it is the loss of CLIP, which also looks for each key's query. A vector of
zeros has cosine 0 with any other, and no slope. The N x N cosines exist for a block of rows at a time.

Shapes: query and key (N, D), temperature a single number. Ranges: any numbers; temperature above 0 and finite. The
weight of a sample multiplies its value.
Exactness: a cosine is rounded, and 1 / temperature multiplies the error.
Source: van den Oord, Li, Vinyals (2018), arXiv:1807.03748; Radford et al. (2021), arXiv:2103.00020, for symmetric, with
0.07 to begin with.

>>> info_nce.at([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], 1.0)[0]
[0.6931471805599453, 0.6931471805599453]
"""

from typing import Annotated, Any

from lossreg import create
from lossreg.plugin import (
    Array,
    Axes,
    FinitePositive,
    Learned,
    Loss,
    Real,
    SampleWeight,
    Slopes,
    View,
    hookimpl,
    loss,
    normalized_rows,
    through_normalization,
)


@loss(couples="anchors")
def info_nce(
    query: Annotated[Array, Axes("N D")],
    key: Annotated[Array, Axes("N D", View[Real])],
    temperature: Annotated[Array, Axes("", FinitePositive), Learned(0.07)],
    sample_weight: SampleWeight,
    slopes: Slopes,
    symmetric: bool = False,
) -> Array:
    import numpy as np

    (q, of_q), (k, of_k) = normalized_rows(query), normalized_rows(key)
    scaled, own, weight = q / temperature, np.arange(len(q)), sample_weight / 2 if symmetric else sample_weight
    criterion = create("linear_cross_entropy", reduction="none")
    options = {"sample_weight": weight, "wrt": ("features", "linear_weight")}
    values, (by_q, by_k) = criterion.value_and_grad(scaled, k, own, **options)
    if symmetric:
        back, (more_k, more_q) = criterion.value_and_grad(k, scaled, own, **options)
        values, by_q, by_k = values + back, by_q + more_q, by_k + more_k
    if "temperature" in slopes:
        slopes["temperature"][...] = -np.vdot(by_q, scaled) / temperature
    if "query" in slopes:
        slopes["query"][...] = through_normalization(by_q / temperature, q, of_q)
    if "key" in slopes:
        slopes["key"][...] = through_normalization(by_k, k, of_k)
    return values


@info_nce.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Keys near their queries."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3)), random.uniform(0.5, 1.0)], {}


@hookimpl
def lossreg_component() -> Loss:
    return info_nce
