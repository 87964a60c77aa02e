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

from lossreg.kernels.numerics import sqrt
from lossreg.plugin import (
    Array,
    Axes,
    FiniteNonNegative,
    Loss,
    Multiplicity,
    Real,
    Slopes,
    View,
    centred_columns,
    column_products,
    each,
    hookimpl,
    inverse_or_zero,
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

    share = weight / weight.sum(dtype=float)
    x, y = (centred_columns(array, share, standardized=True) for array in (embedding, view))
    by_x, by_y = inverse_or_zero(x.size), inverse_or_zero(y.size)
    others = (x.centred.T @ y.centred).astype(float)
    np.fill_diagonal(others, 0)
    # What a correlation near 1 lacks of it has all its digits only in float64.
    own = column_products(embedding, view, share, x.mean, y.mean) * by_x * by_y
    missing, squares = 1 - own, 2 * redundancy * others**2
    for name, rows, means, other, by_other, inverse, axis in (
        ("embedding", (embedding, view), (x.mean, y.mean), y, others.T, by_x, 1),
        ("view", (view, embedding), (y.mean, x.mean), x, others, by_y, 0),
    ):
        if name in slopes:
            pulls = other.centred @ (by_other * (2 * redundancy * inverse)).astype(weight.dtype)
            along = (squares.sum(axis=axis) - 2 * missing * own) * inverse * inverse
            diagonal = -2 * missing * by_x * by_y
            sides = along, diagonal, along * means[0] - diagonal * means[1]
            each(project, len(share), *rows, pulls, *sides, share, slopes[name])
    return np.asarray(missing @ missing + squares.sum() / 2, weight.dtype)


def project(
    i: int, x: Any, y: Any, pulls: Any, along: Any, diagonal: Any, constant: Any, share: Any, slope: Any
) -> None:
    """The slopes of one sample from those by its standardized numbers: less what is along the column itself.

    That cancels what the number of the other view pulls, and not what the others do, which `pulls` has.
    """
    row, other, pull, own = x[i], y[i], pulls[i], slope[i]
    w, root, T = share[i], sqrt(share[i]), type(own[0])
    for j in range(len(own)):
        direct = diagonal[j] * float(other[j]) - along[j] * float(row[j]) + constant[j]
        own[j] = T(w * direct + root * pull[j])


@barlow_twins.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Views near each other."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {"redundancy": 0.5}


@hookimpl
def lossreg_component() -> Loss:
    return barlow_twins
