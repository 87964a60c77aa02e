"""Losses of pairs of vectors: a function of the cosines of each vector with all others, and the gradients of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.kernels.batches.rows import normalized_rows, through_normalization
from lossreg.kernels.batches.segments import rows_of_block
from lossreg.kernels.drivers.batch_kernel import each

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any

FEW = 16
"""So many rows times many others take OpenBLAS twice the time of the others times them, transposed afterwards."""


def through_cosines(
    by_cosine: Array, x: tuple[Array, Array], y: tuple[Array, Array], slopes: Any, names: tuple[str, str]
) -> None:
    """Fill the requested slopes by the rows of x and of y, the inputs of these names, from those by their cosines.

    x and y are what `normalized_rows` returns: the unit rows, and the lengths. `by_cosine` is multiplied by
    `slopes.factor`, as it may be much smaller than the slopes.
    """
    import numpy as np

    by_cosine *= slopes.factor
    for name, matrix, own, other in ((names[0], by_cosine, x, y), (names[1], by_cosine.T, y, x)):
        if name in slopes:
            through_normalization(np.matmul(matrix, other[0], out=slopes[name]), *own)


def each_row_of_cosines(
    function: Callable[..., None], x: Array, y: Array, by_x: Array | None, by_y: Array | None, *operands: Any
) -> None:
    """Call `function(i, start, cosines, *operands)` for the cosines of each row of x with all rows of y.

    As `each_row_of_products`, for rows of length 1: a row of zeros has cosine 0 with any other.
    """
    (u, of_x) = normalized_rows(x)
    (v, of_y) = (u, of_x) if y is x else normalized_rows(y)
    each_row_of_products(function, u, v, by_x, by_y, *operands)
    if by_x is not None:
        through_normalization(by_x, u, of_x)
    if by_y is not None and by_y is not by_x:
        through_normalization(by_y, v, of_y)


def each_row_of_products(
    function: Callable[..., None], x: Array, y: Array, by_x: Array | None, by_y: Array | None, *operands: Any
) -> None:
    """Call `function(i, start, products, *operands)` for the products of each row of x with all rows of y.

    A block of the matrix of products exists at a time: row i of `products` is row start + i of the matrix. The function
    replaces it by the slopes of the row's value, from which the gradients by x and by y are computed, unless they are
    None. Where x is y, `by_x` and `by_y` are one array, which gets both.
    """
    import numpy as np

    # A copy, because numpy multiplies an array by its own transpose in five times the time of another product: it
    # computes one half of the result, and copies it to the other number by number.
    columns = y.copy().T if y is x else y.T
    step, shared = rows_of_block(len(y), x.itemsize), by_x is by_y
    buffer = np.empty((min(step, len(x)), len(y)), x.dtype)
    for start in range(0, len(x), step):
        part = x[start : start + step]
        products = buffer[: len(part)]
        if len(part) <= FEW:
            products[...] = (columns.T @ part.T).T
        else:
            np.matmul(part, columns, out=products)
        each(function, len(part), start, products, *operands)
        if by_y is not None and start == 0:
            np.matmul(products.T, part, out=by_y)
        elif by_y is not None:
            by_y += products.T @ part
        if by_x is not None and shared:
            by_x[start : start + step] += products @ y
        elif by_x is not None:
            np.matmul(products, y, out=by_x[start : start + step])
