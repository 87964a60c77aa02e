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

from lossreg.kernels.numerics import surprise
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
def info_nce(
    query: Annotated[Array, Axes("N D")],
    key: Annotated[Array, Axes("N D", View[Real])],
    temperature: Annotated[Array, Axes("", FinitePositive), Learned(0.07)],
    sample_weight: SampleWeight,
    slopes: Slopes,
    symmetric: bool = False,
) -> Array:
    import numpy as np

    by_q, by_k, n, scale = slopes.get("query"), slopes.get("key"), len(query), 1 / float(temperature)
    weight = sample_weight / 2 if symmetric else sample_weight
    values, by_scale, operands = np.empty_like(weight), np.empty(n), (weight, scale, Scratch(n))
    each_row_of_cosines(find, query, key, by_q, by_k, *operands, values, by_scale)
    if symmetric:
        back, back_by_scale = np.empty_like(values), np.empty(n)
        more: list[Any] = [None if slope is None else np.empty_like(slope) for slope in (by_q, by_k)]
        each_row_of_cosines(find, key, query, more[1], more[0], *operands, back, back_by_scale)
        values, by_scale = values + back, by_scale + back_by_scale
        for slope, other in zip((by_q, by_k), more, strict=True):
            if slope is not None:
                np.add(slope, other, out=slope)
    if "temperature" in slopes:
        slopes["temperature"][...] = -scale * scale * by_scale.sum()
    return values


def find(i: int, start: int, cosines: Any, weight: Any, scale: float, given: Any, values: Any, by_scale: Any) -> None:
    """The value of one vector; its row of cosines becomes that of the slopes."""
    row, own = cosines[i], start + i
    T, w, slope = type(row[0]), weight[own], 0.0
    sharp = T(scale)
    for j in range(len(row)):
        given[j] = row[j]
        row[j] = sharp * row[j]
    values[own] = w * surprise(row, own, row)[0]
    for j in range(len(row)):
        slope += row[j] * given[j]
        row[j] = sharp * w * row[j]
    by_scale[own] = w * slope


@info_nce.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Keys near their queries."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3)), random.uniform(0.5, 1.0)], {}


@hookimpl
def lossreg_component() -> Loss:
    return info_nce
