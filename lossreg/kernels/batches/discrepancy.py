"""Discrepancies of two samples: mean distances or kernels within and between them, and their gradients."""

from __future__ import annotations

from typing import Any

from lossreg.kernels.drivers.batch_kernel import each
from lossreg.kernels.numerics import exp, expm1, sqrt

Array = Any


def sample_discrepancy(x: Array, y: Array, weight: Array, by_x: Array | None, bandwidth: float) -> float:
    """Return 2 E d(x, y) - E d(x, x') - E d(y, y') over all pairs of weighted rows, and fill the gradient by x.

    d is the Euclidean distance, or with a bandwidth b above 0 it is 1 - exp(-|x - y|^2 / (2 b^2)), for which the result
    is the squared maximum mean discrepancy.
    """
    import numpy as np

    sums, count = np.empty((len(x), 3)), weight.sum(dtype=float)
    slope = np.empty((0, x.shape[1]), x.dtype) if by_x is None else by_x
    each(compare_rows, len(x), x, y, weight, float(bandwidth), 2 / count**2, sums, slope)
    within_x, within_y, between = (weight[:, np.newaxis] * sums).sum(axis=0)
    return float((2 * between - within_x - within_y) / count**2)


def compare_rows(i: int, x: Any, y: Any, weight: Any, bandwidth: float, scale: float, sums: Any, slope: Any) -> None:
    """The weighted distances of row i within x, within y and from x to y, and the gradient by row i of x."""
    T = type(x[i, 0])
    filled = len(slope) > 0
    if filled:
        for d in range(x.shape[1]):
            slope[i, d] = 0
    for part in range(3):
        rows, others = (y if part == 1 else x), (x if part == 0 else y)
        sums[i, part] = 0
        for j in range(len(others)):
            squares = 0.0
            for d in range(x.shape[1]):
                apart = float(rows[i, d]) - float(others[j, d])
                squares += apart * apart
            exponent = -squares / (2 * bandwidth * bandwidth) if bandwidth > 0 else 0.0
            distance = -expm1(exponent) if bandwidth > 0 else sqrt(squares)
            sums[i, part] += weight[j] * distance
            if filled & (part != 1):
                steep = 1 / distance if (bandwidth == 0) & (distance > 0) else 0.0
                steep = exp(exponent) / (bandwidth * bandwidth) if bandwidth > 0 else steep
                factor = T((scale if part == 2 else -scale) * weight[i] * weight[j] * steep)
                for d in range(x.shape[1]):
                    slope[i, d] += factor * (rows[i, d] - others[j, d])
