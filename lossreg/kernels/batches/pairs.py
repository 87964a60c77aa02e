"""Losses of pairs of vectors: a function of the cosines of each vector with all others, and the gradients of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.batches.rows import normalized_rows, through_normalization
from lossreg.kernels.batches.segments import blocks_of_pairs
from lossreg.kernels.drivers.batch_kernel import each

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any


def through_cosines(
    slope: Array, x: tuple[Array, Array], y: tuple[Array, Array], by_x: Array | None, by_y: Array | None
) -> None:
    """Fill the gradients by the rows of x and of y, unless they are None, from the slopes of the matrix of cosines.

    x and y are what `normalized_rows` returns: the unit rows, and the lengths.
    """
    import numpy as np

    if by_x is not None:
        through_normalization(np.matmul(slope, y[0], out=by_x), *x)
    if by_y is not None:
        through_normalization(np.matmul(slope.T, x[0], out=by_y), *y)


def each_row_of_cosines(
    function: Callable[..., None], x: Array, y: Array, by_x: Array | None, by_y: Array | None, *operands: Any
) -> None:
    """Call `function(i, start, cosines, *operands)` for the cosines of each row of x with all rows of y.

    A block of the matrix of cosines exists at a time: row i of `cosines` is row start + i of the matrix. The function
    replaces it by the slopes of the row's value, from which the gradients by x and by y are computed, unless they are
    None. Where x is y, `by_x` and `by_y` are one array, which gets both. A row of zeros has cosine 0 with any other.
    """
    import numpy as np

    (u, of_x) = normalized_rows(x)
    (v, of_y) = (u, of_x) if y is x else normalized_rows(y)
    for slope in (by_x, by_y):
        if slope is not None:
            slope[...] = 0
    # A copy, because numpy multiplies an array by its own transpose in five times the time of another product: it
    # computes one half of the result, and copies it to the other number by number.
    columns = np.ascontiguousarray(v.T)
    for rows in blocks_of_pairs(len(u), len(v), u.itemsize):
        cosines = u[rows] @ columns
        each(function, len(cosines), rows.start, cosines, *operands)
        if by_x is not None:
            by_x[rows] += cosines @ v
        if by_y is not None:
            by_y += cosines.T @ u[rows]
    if by_x is not None:
        through_normalization(by_x, u, of_x)
    if by_y is not None and by_y is not by_x:
        through_normalization(by_y, v, of_y)
