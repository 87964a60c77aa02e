"""Discrepancies of two samples: mean distances or kernels within and between them, and their gradients.

Squared distances are |a|^2 + |b|^2 - 2 a.b, and sums of differences are differences of sums, so that most of the work
is products of matrices in float64. Those have all digits of float32 numbers but for pairs that are near each other,
which are computed from their differences, as are all pairs of float64 numbers.
"""

from __future__ import annotations

from math import nan
from typing import Any, NamedTuple

from lossreg.kernels.drivers.batch_kernel import each
from lossreg.kernels.numerics import exp, expm1, sqrt

Array = Any

NEAR = 1e-6
"""Pairs of float32 rows are near each other if their squared distance is below this share of their squared lengths."""
CANCELS = 0.01
"""The mean of squared distances, in bandwidths, up to which 1 less the kernel is computed without a difference."""
RANGE = (1e-36, 1e37)
"""The squared distances of which the inverse roots are computed in float32 first."""
TILE = (128, 1024)
"""Rows of either sample whose pairs are computed together: 1 MiB of float64."""


class Sample(NamedTuple):
    """Rows; the same less the mean of all rows, in float64; and the squared lengths of those."""

    rows: Array
    centred: Array
    squares: Array


def sample_discrepancy(x: Array, y: Array, weight: Array, by_x: Array | None, bandwidth: float) -> float:
    """Return 2 E d(x, y) - E d(x, x') - E d(y, y') over all pairs of weighted rows, and fill the gradient by x.

    d is the Euclidean distance, or with a bandwidth b above 0 it is 1 - exp(-|x - y|^2 / (2 b^2)), for which the result
    is the squared maximum mean discrepancy.
    """
    import numpy as np

    w, count = weight.astype(float), weight.sum(dtype=float)
    centre = (w @ x.astype(float) + w @ y.astype(float)) / (2 * count)
    a, b = (Sample(rows, z := rows - centre, (z * z).sum(axis=1)) for rows in (x, y))
    slope = None if by_x is None else np.zeros(a.centred.shape)
    total = sum_over_pairs(a, b, w, w, bandwidth, slope, None)
    total += sum_over_pairs(a, a, -w, w, bandwidth, slope, slope) + sum_over_pairs(b, b, -w, w, bandwidth, None, None)
    if by_x is not None:
        by_x[...] = 2 / count**2 * slope
    return 2 * total / count**2


def sum_over_pairs(
    a: Sample, b: Sample, weight: Array, other_weight: Array, bandwidth: float, by_a: Array | None, by_b: Array | None
) -> float:
    """Return the sum of w_i v_j d(a_i, b_j) over all pairs, or over those with i < j if a is b, and add its slopes."""
    import numpy as np

    total, none = 0.0, np.empty((0, a.rows.shape[1]))
    near = NEAR if a.rows.dtype == np.float32 else np.inf
    least, most = a.squares.min() + b.squares.min(), a.squares.max() + b.squares.max()
    within = least > RANGE[0] / near and most < RANGE[1]
    steep = weight / bandwidth**2 if bandwidth > 0 else weight
    for start in range(0, len(a.rows), TILE[0]):
        for other_start in range(start if a is b else 0, len(b.rows), TILE[1]):
            rows, others = slice(start, start + TILE[0]), slice(other_start, other_start + TILE[1])
            x, y, w, v, scale = a.centred[rows], b.centred[others], weight[rows], other_weight[others], steep[rows]
            pulls, sums = x @ y.T, np.empty((len(x), 3))
            skipped = start - other_start + 1 if a is b else -len(a.rows)
            squares, settings = (a.squares[rows], b.squares[others]), (float(bandwidth), near, int(within))
            each(compare, len(x), skipped, pulls, a.rows, *squares, v, *settings, sums)
            into, other_into = none if by_a is None else by_a[rows], none if by_b is None else by_b[others]
            if sums[:, 2].any():
                pairs = a.rows[rows], b.rows[others], w, v
                each(compare_near, 1, pulls, *pairs, float(bandwidth), sums, into, other_into)
            total += w @ sums[:, 0]
            if by_a is not None:
                into += scale[:, np.newaxis] * (sums[:, 1, np.newaxis] * x - pulls @ y)
            if by_b is not None:
                other_into += (scale @ pulls)[:, np.newaxis] * y - pulls.T @ (scale[:, np.newaxis] * x)
    return total


def compare(
    i: int,
    skipped: int,
    pulls: Any,
    rows: Any,
    squares: Any,
    other_squares: Any,
    other_weight: Any,
    bandwidth: float,
    near: float,
    within: int,
    sums: Any,
) -> None:
    """Replace the products of row i with other rows by v_j / d or v_j k, near ones by nan, and the first ones by 0.

    `sums` gets the sum of v_j d, that of the results, and the number of near rows. `within` is whether all squares are
    in RANGE.
    """
    first = min(max(i + skipped, 0), pulls.shape[1])
    before, row, lengths, weights = pulls[i, :first], pulls[i, first:], other_squares[first:], other_weight[first:]
    for j in range(len(before)):
        before[j] = 0.0
    own, close, size = squares[i], 0.0, 0.0
    for j in range(len(row)):
        both = own + lengths[j]
        square = both - 2 * row[j]
        apart = square >= near * both
        row[j] = square if apart else nan
        size += square
        close += 0.0 if apart else 1.0
    precise, total, mass, count = 0.0, 0.0, 0.0, 0.0
    sharp = 1 / (bandwidth * bandwidth) if bandwidth > 0 else 0.0
    # Where all kernels are near 1, 1 less the kernel would lose digits.
    for j in range(len(row) if (bandwidth > 0) & (size * sharp < CANCELS * len(row)) else 0):
        precise -= weights[j] * expm1(-0.5 * sharp * row[j]) if row[j] == row[j] else 0.0
    # A loop for each kind, as one would compute both for every pair.
    for j in range(len(row) if bandwidth > 0 else 0):
        row[j] = weights[j] * exp(-0.5 * sharp * row[j])
        count += weights[j] if row[j] == row[j] else 0.0
    # The inverse of a root takes a quarter of the time in float32, and a step of Newton's method doubles its digits.
    T = type(rows[0, 0])
    for j in range(len(row) if (bandwidth == 0) & (within > 0) else 0):
        square, inverse = row[j], float(T(1) / sqrt(T(row[j])))
        row[j] = weights[j] * (inverse * (1.5 - 0.5 * square * inverse * inverse))
        part = square * row[j]
        total += part if part == part else 0.0
    for j in range(len(row) if (bandwidth == 0) & (within == 0) else 0):
        distance = sqrt(row[j])
        total += weights[j] * distance if distance == distance else 0.0
        row[j] = weights[j] / distance if distance > 0 else 0.0 * distance
    for j in range(len(row)):
        mass += row[j] if row[j] == row[j] else 0.0
    total = total if bandwidth == 0 else (precise if precise > 0 else count - mass)
    sums[i, 0], sums[i, 1], sums[i, 2] = total, mass, close


def compare_near(
    _: int,
    pulls: Any,
    rows: Any,
    others: Any,
    weight: Any,
    other_weight: Any,
    bandwidth: float,
    sums: Any,
    by_row: Any,
    by_other: Any,
) -> None:
    """Add the pairs that are marked with nan, from their differences, and replace the marks by 0."""
    for i in range(len(rows)):
        for j in range(len(others)):
            if pulls[i, j] == pulls[i, j]:
                continue
            square = 0.0
            for d in range(rows.shape[1]):
                apart = float(rows[i, d]) - float(others[j, d])
                square += apart * apart
            if bandwidth > 0:
                exponent = -square / (2 * bandwidth * bandwidth)
                distance, pull = -expm1(exponent), exp(exponent) / (bandwidth * bandwidth)
            else:
                distance = sqrt(square)
                pull = 1 / distance if distance > 0 else 0.0
            w = weight[i] * other_weight[j]
            sums[i, 0] += other_weight[j] * distance
            pulls[i, j] = 0.0
            for d in range(rows.shape[1] if len(by_row) > 0 else 0):
                by_row[i, d] += w * pull * (float(rows[i, d]) - float(others[j, d]))
            for d in range(rows.shape[1] if len(by_other) > 0 else 0):
                by_other[j, d] -= w * pull * (float(rows[i, d]) - float(others[j, d]))
