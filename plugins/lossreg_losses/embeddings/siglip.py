"""SigLIP: for each pair of a query and a key, the binary cross-entropy of whether they belong together.

    value = sum_j softplus(-y_ij (cos(query_i, key_j) / temperature + bias))        y_ij = 1 for j = i, else -1
    slope by the logit = -y_ij sigmoid(-y_ij (cos(query_i, key_j) / temperature + bias))

Temperature and bias are learned. A vector of zeros has cosine 0 with any other, and no slope. The N x N cosines exist
for a block of rows at a time.

Shapes: query and key (N, D), temperature and bias single numbers. Ranges: any numbers; temperature above 0 and finite.
The weight of a sample multiplies its value as a query.
Source: Zhai et al. (2023), arXiv:2303.15343, which begins with temperature 1 / 10 and bias -10.

>>> siglip.at([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]], 1.0, 0.0)[0]
[1.0064088680781682, 1.0064088680781682]
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import exp, log1p_sum
from lossreg.plugin import (
    Array,
    Axes,
    FinitePositive,
    Learned,
    Loss,
    Real,
    SampleWeight,
    Scratch,
    Slopes,
    View,
    each_row_of_cosines,
    hookimpl,
    loss,
)


@loss(couples="anchors")
def siglip(
    query: Annotated[Array, Axes("N D")],
    key: Annotated[Array, Axes("N D", View[Real])],
    temperature: Annotated[Array, Axes("", FinitePositive), Learned(0.1)],
    bias: Annotated[Array, Axes(""), Learned(-10.0)],
    sample_weight: SampleWeight,
    slopes: Slopes,
) -> Array:
    import numpy as np

    values, sums, scale = np.empty_like(sample_weight), np.empty((len(query), 2)), 1 / float(temperature)
    by_q, by_k, powers = slopes.get("query"), slopes.get("key"), Scratch(len(key))
    each_row_of_cosines(decide, query, key, by_q, by_k, sample_weight, scale, float(bias), powers, values, sums)
    by_scale, by_bias = sums.sum(axis=0)
    for name, slope in (("temperature", -by_scale * scale * scale), ("bias", by_bias)):
        if name in slopes:
            slopes[name][...] = slope
    return values


def decide(
    i: int, start: int, cosines: Any, weight: Any, scale: float, bias: float, powers: Any, values: Any, sums: Any
) -> None:
    """The value of one query; its row of cosines becomes that of the slopes."""
    row, own = cosines[i], start + i
    w = float(weight[own])
    value, by_scale, by_bias = 0.0, 0.0, 0.0
    for j in range(len(row)):
        side, cosine = (1.0 if j == own else -1.0), float(row[j])
        logit = side * (scale * cosine + bias)
        powers[j] = exp(-abs(logit))
        value += max(0.0, -logit)
        slope = -side * w * ((1.0 if logit <= 0 else powers[j]) / (1 + powers[j]))
        by_scale += slope * cosine
        by_bias += slope
        row[j] = scale * slope
    values[own], sums[own, 0], sums[own, 1] = w * (value + log1p_sum(powers)), by_scale, by_bias


@siglip.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Keys near their queries."""
    return [
        x := random.normal(size=(samples, 3)),
        x + random.normal(size=(samples, 3)),
        random.uniform(0.5, 1.0),
        0.5,
    ], {}


@hookimpl
def lossreg_component() -> Loss:
    return siglip
