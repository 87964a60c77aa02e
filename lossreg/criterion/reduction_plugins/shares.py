"""Functions for authors of reductions: the shares of the largest values, and the mean of values with weights."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

ROUNDING = 1e-12
"""The relative difference up to which an amount is the sum of some weights: 0.29 * 100 is not quite 29."""


def shares_of_largest(values: Array, weights: Array, amount: float) -> Array:
    """The part of each weight that is among the largest values, where these parts add up to `amount`.

    Values above some border have a share of their weight of 1, and those below of 0. Values at the border, of which
    several may be equal, have the same share, so that the order of equal values does not matter.
    """
    order = np.argsort(-values)
    sums = np.cumsum(weights[order])
    border = values[order[min(int(np.searchsorted(sums, amount * (1 - ROUNDING))), len(order) - 1)]]
    above, equal = values > border, values == border
    available = float(weights[equal].sum())
    remaining = amount - float(weights[above].sum())
    share = 1.0 if remaining >= available - ROUNDING * amount else max(remaining, 0.0) / available
    return np.where(above, weights, np.where(equal, share * weights, 0.0))


def weighted_mean(values: Array, weights: Array) -> tuple[float, Array]:
    """The mean of values with weights, and its derivatives by the values; values of weight 0 may be infinite."""
    total, counting = weights.sum(), weights != 0
    factors = weights / total
    with np.errstate(all="ignore"):
        mean = float((values[counting] * weights[counting]).sum() / total)
        if not isfinite(mean):  # the sum may have overflowed
            mean = float((values[counting] * factors[counting]).sum())
    return mean, factors
