"""Barlow Twins: the correlation of each number of a vector with itself in the other view near 1, with others near 0.

    value = sum_d (1 - r_dd)^2 + redundancy sum_{d != e} r_de^2        r_de = correlation of embedding_d and view_e
    slope by r_dd = -2 (1 - r_dd), by r_de = 2 redundancy r_de

The correlations are those over the batch. A number that is constant in the batch has correlation 0 with any other, and
no slope. Where the batch has one sample, all of them are.

Shapes: embedding and view (N, D). Ranges: any numbers; redundancy 0 or above and finite. A sample of weight w counts w
times in the correlations.
Source: Zbontar et al. (2021), arXiv:2103.03230, with redundancy (lambda) 0.0051; there batch normalization adds 1e-5 to
each variance.

>>> barlow_twins.at([[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]])[0]
1.0
"""

from typing import Annotated, Any

from lossreg.plugin import (
    Array,
    Axes,
    FiniteNonNegative,
    Loss,
    Multiplicity,
    Real,
    Slopes,
    View,
    hookimpl,
    loss,
)


@loss(couples="batch")
def barlow_twins(
    embedding: Annotated[Array, Axes("N D")],
    view: Annotated[Array, Axes("N D", View[Real])],
    weight: Multiplicity,
    slopes: Slopes,
    redundancy: FiniteNonNegative = 0.0051,
) -> Array:
    import numpy as np

    w, count = weight[:, np.newaxis].astype(float), weight.sum(dtype=float)
    (x, of_x), (y, of_y) = (standardized(array.astype(float), w / count) for array in (embedding, view))
    correlation = (w * x).T @ y / count
    factor = np.full_like(correlation, redundancy)
    np.fill_diagonal(factor, 1)
    missing = np.eye(len(correlation)) - correlation
    grad = -2 * factor * missing
    for name, z, deviation, pulls in (("embedding", x, of_x, y @ grad.T), ("view", y, of_y, x @ grad)):
        if name in slopes:  # through the standardization: less the mean, and less what is along the column itself
            along = (w * z * pulls).sum(axis=0) / count
            centred = pulls - (w * pulls).sum(axis=0) / count - z * along
            slopes[name][...] = w / count * centred * np.divide(1, deviation, out=0 * deviation, where=deviation > 0)
    return (factor * missing**2).sum().astype(weight.dtype)


def standardized(x: Array, share: Array) -> tuple[Array, Array]:
    """Columns of mean 0 and standard deviation 1, or of zeros where they are constant, and the deviations."""
    import numpy as np

    centred = np.where((x == x[:1]).all(axis=0), 0, x - (share * x).sum(axis=0))
    deviation = np.sqrt((share * centred**2).sum(axis=0))
    return np.divide(centred, deviation, out=np.zeros_like(centred), where=deviation > 0), deviation


@barlow_twins.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Views near each other."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {"redundancy": 0.5}


@hookimpl
def lossreg_component() -> Loss:
    return barlow_twins
