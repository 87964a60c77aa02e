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
    each,
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

    count = weight.sum(dtype=float)
    share = weight[:, np.newaxis] / count
    (x, of_x), (y, of_y) = (standardized(array, share) for array in (embedding, view))
    correlation = (share * x).T @ y
    factor = np.full_like(correlation, redundancy)
    np.fill_diagonal(factor, 1)
    missing = np.eye(len(correlation)) - correlation
    grad = -2 * factor * missing
    along, diagonal = grad * correlation, np.diag(grad).copy()
    np.fill_diagonal(grad, 0)
    for name, z, other, by_other, deviation, axis in (
        ("embedding", x, y, grad.T, of_x, 1),
        ("view", y, x, grad, of_y, 0),
    ):
        if name in slopes:
            inverse = np.divide(1, deviation, out=0 * deviation, where=deviation > 0)
            pulls = other.astype(weight.dtype) @ (by_other * inverse).astype(weight.dtype)
            scales = diagonal * inverse, along.sum(axis=axis) * inverse
            each(project, len(z), z, other, pulls, *scales, share[:, 0], slopes[name])
    return (factor * missing**2).sum().astype(weight.dtype)


def project(i: int, x: Any, y: Any, pulls: Any, diagonal: Any, along: Any, share: Any, slope: Any) -> None:
    """The slopes of one sample from those by its standardized numbers: less what is along the column itself.

    That cancels what the number of the other view pulls, and not what the others do, which `pulls` has.
    """
    row, other, pull, own = x[i], y[i], pulls[i], slope[i]
    w, T = share[i], type(own[0])
    for j in range(len(own)):
        own[j] = T(w * (pull[j] + (diagonal[j] * other[j] - along[j] * row[j])))


def standardized(x: Array, share: Array) -> tuple[Array, Array]:
    """Columns of mean 0 and standard deviation 1, or of zeros where they are constant, and the deviations."""
    import numpy as np

    centred = x.astype(float)
    centred -= share[:, 0] @ centred
    if (constant := x.min(axis=0) == x.max(axis=0)).any():
        centred[:, constant] = 0
    deviation = np.sqrt(share[:, 0] @ (centred * centred))
    centred /= np.where(deviation > 0, deviation, 1)
    return centred, deviation


@barlow_twins.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Views near each other."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {"redundancy": 0.5}


@hookimpl
def lossreg_component() -> Loss:
    return barlow_twins
