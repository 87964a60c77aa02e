"""Distances between two rows, with their slopes: kernels that losses take as a parameter, by name or a user's own.

A distance takes two rows and the two rows of slopes to fill, and returns a number. Like lossreg.kernels.stable, this
module imports neither numpy nor numba.
"""

from __future__ import annotations

from typing import Annotated, Any

from lossreg.domains import Named
from lossreg.kernels.stable import INFINITY, direction, distance, distance_slopes, gap

SHIFT = 1e-6
"""What PyTorch's PairwiseDistance adds to each difference."""


def euclidean(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """PyTorch's default: the root of the sum of squares of x1 - x2 + 1e-6."""
    return minkowski(x1, x2, slope1, slope2, 2.0)


def manhattan(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The sum of |x1 - x2 + 1e-6|."""
    return minkowski(x1, x2, slope1, slope2, 1.0)


def chebyshev(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The largest |x1 - x2 + 1e-6|; where several are, they share the slope."""
    return minkowski(x1, x2, slope1, slope2, INFINITY)


def minkowski(x1: Any, x2: Any, slope1: Any, slope2: Any, p: float) -> Any:
    """The p-th root of the sum of |x1 - x2 + 1e-6|^p."""
    T = type(x1[0])
    whole = distance(x1, x2, T(p), T(SHIFT))
    distance_slopes(x1, x2, T(p), T(SHIFT), whole, slope1)
    for j in range(len(x1)):
        slope2[j] = -slope1[j]
    return whole[0] * whole[1]


def squared_euclidean(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The sum of (x1 - x2)^2."""
    T = type(x1[0])
    added = T(0)
    for j in range(len(x1)):
        apart = x1[j] - x2[j]
        added += apart * apart
        slope1[j], slope2[j] = T(2) * apart, T(-2) * apart
    return added


def cosine(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """One minus the cosine; 1, with slopes of 0, where a row is 0."""
    _, turned = angle(x1, x2, slope1, slope2)
    for j in range(len(x1)):
        slope1[j], slope2[j] = -slope1[j], -slope2[j]
    return turned


def angle(x1: Any, x2: Any, slope1: Any, slope2: Any) -> Any:
    """The cosine, with its slopes, and one minus the cosine, which keeps its digits where the rows nearly agree."""
    T = type(slope1[0])
    (size1, length1), (size2, length2) = direction(x1, slope1), direction(x2, slope2)
    cosine, apart = T(0), T(0)
    for j in range(len(x1)):
        cosine += slope1[j] * slope2[j]
        apart += (slope1[j] - slope2[j]) * (slope1[j] - slope2[j])
    # u - c v, where u is nearly v or -v, is taken from u - v or u + v: by `gap`, which stays in one piece.
    facing, along1, along2 = T(cosine > T(0.5)) - T(cosine < T(-0.5)), T(0), T(0)
    for j in range(len(x1)):
        along1 += slope1[j] * gap(slope2[j], facing * slope1[j])
        along2 += slope2[j] * gap(slope1[j], facing * slope2[j])
    directed = T(length1 * length2 != 0)
    for j in range(len(x1)):
        u, v = slope1[j], slope2[j]
        slope1[j] = directed * (gap(v, facing * u) - along1 * u) / size1 / max(length1, T(1))
        slope2[j] = directed * (gap(u, facing * v) - along2 * v) / size2 / max(length2, T(1))
    return cosine, T(0.5) * apart if directed != 0 else T(1)


DISTANCES = {function.__name__: function for function in (euclidean, squared_euclidean, manhattan, chebyshev, cosine)}

Distance = Annotated[Any, Named(DISTANCES)]
"""A parameter that is one of these, by its name, or a function like them."""
