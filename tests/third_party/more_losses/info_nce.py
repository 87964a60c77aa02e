"""InfoNCE: the cross-entropy of finding each query's own key among the keys of the batch, by cosine and temperature.

value_i = -log(exp(s_ii) / sum_k exp(s_ik)),    s_ik = cos(query_i, key_k) / temperature

The temperature is learned. Shapes: query and key (N, D), temperature a single number. Ranges: any numbers;
temperature above 0. The weight of a sample is that of its value. Source: van den Oord et al. (2018),
arXiv:1807.03748.

>>> info_nce.at([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [1.0, 0.0]], 1.0)[0]
[0.6931471805599453, 0.6931471805599453]
"""

from typing import Annotated, Any

from lossreg import create
from lossreg.plugin import Array, Axes, FinitePositive, Learned, Loss, Real, SampleWeight, Slopes, View, hookimpl
from lossreg.plugin import loss, normalized_rows, through_normalization


@loss(couples="anchors")
def info_nce(
    query: Annotated[Array, Axes("N D")],
    key: Annotated[Array, Axes("N D", View[Real])],
    temperature: Annotated[Array, Axes("", FinitePositive), Learned(0.1)],
    sample_weight: SampleWeight,
    slopes: Slopes,
) -> Array:
    import numpy as np

    (q, of_q), (k, of_k) = normalized_rows(query), normalized_rows(key)
    q /= temperature
    criterion, own = create("linear_cross_entropy", reduction="none"), np.arange(len(q))
    values, (by_q, by_k) = criterion.value_and_grad(
        q, k, own, sample_weight=sample_weight, wrt=("features", "linear_weight")
    )
    if "temperature" in slopes:
        slopes["temperature"][...] = -np.vdot(by_q, q) / temperature
    if "query" in slopes:
        slopes["query"][...] = through_normalization(by_q / temperature, q * temperature, of_q)
    if "key" in slopes:
        slopes["key"][...] = through_normalization(by_k, k, of_k)
    return values


@info_nce.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Keys near their queries."""
    query = random.normal(size=(samples, 3))
    return [query, query + random.normal(size=(samples, 3)), random.uniform(0.5, 1.0)], {}


@hookimpl
def lossreg_component() -> Loss:
    return info_nce
