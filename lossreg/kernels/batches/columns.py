"""Columns of a matrix less their weighted means: their products are covariances and correlations."""

from __future__ import annotations

from typing import Any, NamedTuple

from lossreg.kernels.drivers.batch_kernel import each
from lossreg.kernels.numerics import sqrt

Array = Any

TOGETHER = 128
"""How many columns are computed together."""


class CentredColumns(NamedTuple):
    """Columns less their means, in the type of the matrix; and their means and sizes in float64.

    Row i of `centred` is root_i (x_i - mean), with the root of its weight, over `size` if the columns are standardized.
    """

    centred: Array
    mean: Array
    size: Array


def centred_columns(x: Array, weight: Array, *, standardized: bool = False) -> CentredColumns:
    """Return the columns of x less their weighted means, each row times the root of its weight.

    Products of two of them are weighted sums. The size of a column is the root of its sum of squares, by which
    `standardized` divides, unless it is 0. A constant column becomes zeros.
    """
    import numpy as np

    centred, sizes, root = np.empty_like(x), np.empty((3, x.shape[1])), np.sqrt(weight, dtype=float)
    each(fill_columns, -(-x.shape[1] // TOGETHER), x, root, int(standardized), sizes, centred)
    return CentredColumns(centred, sizes[0], sizes[1])


def column_products(x: Array, y: Array, weight: Array, x_mean: Array, y_mean: Array) -> Array:
    """Return the weighted sums of the products of each column of x with the same column of y, less their means.

    They are in float64, whereas products of matrices of float32 numbers have errors of some ulps.
    """
    import numpy as np

    sums = np.zeros(x.shape[1])
    each(add_products, -(-x.shape[1] // TOGETHER), x, y, weight, x_mean, y_mean, sums)
    return sums


def fill_columns(block: int, x: Any, root: Any, standardized: int, sizes: Any, centred: Any) -> None:
    """Fill TOGETHER columns, their means and sizes, a row at a time, so that the loops over columns are vectorized.

    The first row is subtracted before the means are computed, so that nothing is left of a constant column.
    """
    first, last = block * TOGETHER, min((block + 1) * TOGETHER, x.shape[1])
    origin, mean, size, inverse = x[0, first:last], sizes[0, first:last], sizes[1, first:last], sizes[2, first:last]
    T, count = type(x[0, 0]), 0.0
    for j in range(last - first):
        mean[j], size[j] = 0.0, 0.0
    for i in range(len(x)):
        row, w = x[i, first:last], root[i] * root[i]
        count += w
        for j in range(last - first):
            away = float(row[j]) - float(origin[j])
            mean[j] += w * away
            size[j] += w * away * away
    for j in range(last - first):
        away = mean[j] / count
        mean[j] = float(origin[j]) + away
        size[j] = sqrt(max(size[j] - count * away * away, 0.0))
        inverse[j] = 1 / size[j] if standardized & (size[j] > 0) else 1.0
    for i in range(len(x)):
        row, own, w = x[i, first:last], centred[i, first:last], root[i]
        for j in range(last - first):
            own[j] = T(w * (float(row[j]) - mean[j]) * inverse[j])


def add_products(block: int, x: Any, y: Any, weight: Any, x_mean: Any, y_mean: Any, sums: Any) -> None:
    """Add the products of TOGETHER columns, a row at a time."""
    first, last = block * TOGETHER, min((block + 1) * TOGETHER, x.shape[1])
    mean, other_mean, total = x_mean[first:last], y_mean[first:last], sums[first:last]
    for i in range(len(x)):
        row, other, w = x[i, first:last], y[i, first:last], weight[i]
        for j in range(last - first):
            total[j] += w * (float(row[j]) - mean[j]) * (float(other[j]) - other_mean[j])
