"""VICReg: two views near each other, each number of a vector of a standard deviation of 1, and without covariance.

    value = invariance mean((x - y)^2) + variance (v(x) + v(y)) / 2 + covariance (c(x) + c(y))
    v(x) = mean_d max(0, 1 - sqrt(Var(x_d) + eps))        c(x) = sum_{d != e} Cov(x_d, x_e)^2 / D
    slope by Cov(x_d, x_e) = 2 covariance Cov(x_d, x_e) / D, by Var(x_d) = -variance / (4 D sqrt(Var(x_d) + eps))

Variances and covariances are those over the batch, and divide by N - 1; with a single sample they are 0. As in the
authors' code v is halved, which the paper does not say. Where the deviation is 1 the slope of v is 0.

Shapes: embedding and view (N, D). Ranges: any numbers; invariance, variance and covariance 0 or above; eps above 0; all
finite. A sample of weight w counts w times.
Source: Bardes, Ponce, LeCun (2022), arXiv:2105.04906, with 25, 25 and 1; pytorch-metric-learning's VICRegLoss (2.9).

>>> vicreg.at([[1.0], [-1.0]], [[1.0], [-1.0]])[0]
0.0
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import sqrt
from lossreg.plugin import (
    Array,
    Axes,
    FiniteNonNegative,
    FinitePositive,
    Loss,
    Multiplicity,
    Real,
    Slopes,
    View,
    centred_columns,
    each,
    hookimpl,
    loss,
)


@loss(couples="batch")
def vicreg(
    embedding: Annotated[Array, Axes("N D")],
    view: Annotated[Array, Axes("N D", View[Real])],
    weight: Multiplicity,
    slopes: Slopes,
    invariance: FiniteNonNegative = 25.0,
    variance: FiniteNonNegative = 25.0,
    covariance: FiniteNonNegative = 1.0,
    eps: FinitePositive = 1e-4,
) -> Array:
    import numpy as np

    w, count, size = weight.astype(float), weight.sum(dtype=float), embedding.shape[1]
    share, away = 1 / (count - 1) if count > 1 else 0.0, np.empty(len(w))
    each(square_apart, len(w), embedding, view, away)
    value = invariance * (w @ away) / count / size
    for name, x, other in (("embedding", embedding, view), ("view", view, embedding)):
        columns = centred_columns(x, w)
        off = share * (columns.centred.T @ columns.centred).astype(float)
        np.fill_diagonal(off, 0)
        deviation = np.sqrt(share * columns.size**2 + eps)
        missing = np.maximum(0, 1 - deviation)
        value += variance * missing.mean() / 2 + covariance * (off**2).sum() / size
        if name in slopes:
            by_moments = 2 * covariance / size * off - np.diag(variance / 4 / size * (missing > 0) / deviation)
            pulls = columns.centred @ (2 * share * by_moments).astype(weight.dtype)
            each(add_slopes, len(w), x, other, pulls, w, 2 * invariance / count / size, slopes[name])
    return np.asarray(value, weight.dtype)


def square_apart(i: int, x: Any, y: Any, squares: Any) -> None:
    """The squared distance of the views of one sample."""
    row, other, total = x[i], y[i], 0.0
    for j in range(len(row)):
        apart = float(row[j]) - float(other[j])
        total += apart * apart
    squares[i] = total


def add_slopes(i: int, x: Any, y: Any, pulls: Any, weight: Any, factor: float, slope: Any) -> None:
    """The slopes of one sample: of the invariance, and of variance and covariance."""
    row, other, pull, own = x[i], y[i], pulls[i], slope[i]
    w, root, T = weight[i], sqrt(weight[i]), type(own[0])
    for j in range(len(own)):
        own[j] = T(w * factor * (float(row[j]) - float(other[j])) + root * pull[j])


@vicreg.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Views near each other."""
    return [x := random.normal(size=(samples, 3)), x + random.normal(size=(samples, 3))], {"covariance": 5.0}


@hookimpl
def lossreg_component() -> Loss:
    return vicreg
