"""Tilted: the logarithm of the mean of exponentials, between the mean and the largest or the smallest value.

    log(sum_i w_i exp(tilt v_i) / sum_i w_i) / tilt          tilt != 0
    sum_i w_i v_i / sum_i w_i                                tilt = 0, which is the limit

A tilt above 0 gives large values more influence, and one below 0 gives them less, as outliers. The derivative by v_i is
w_i exp(tilt v_i) / sum_j w_j exp(tilt v_j). If some values are infinite and decide the result, they share it evenly.
Source: Li, Beirami, Sanjabi, Smith (2021), arXiv:2007.01162.

>>> import numpy as np
>>> values, weights = np.array([0.0, 1.0]), np.ones(2)
>>> [round(tilted.function(values, weights, tilt=tilt)[0], 3) for tilt in (-100.0, -1.0, 0.0, 1.0, 100.0)]
[0.007, 0.38, 0.5, 0.62, 0.993]
"""

from lossreg.plugin import Array, Finite, Reduction, hookimpl, reduction, weighted_mean


@reduction
def tilted(values: Array, weights: Array, *, tilt: Finite = 1.0) -> tuple[float, Array]:
    if tilt == 0:
        return weighted_mean(values, weights)
    import numpy as np

    largest = values.max() if tilt > 0 else values.min()
    with np.errstate(all="ignore"):
        exponents = np.where(values == largest, 0.0, tilt * (values - largest))
        less_one, _ = weighted_mean(np.expm1(exponents), weights)
        exponentials = np.exp(exponents)
        mean, _ = weighted_mean(exponentials, weights)
        # The first is exact for a small tilt, and the second for a small mean.
        logarithm = np.log1p(less_one) if less_one > -0.5 else np.log(mean)
        _, factors = weighted_mean(values, weights * exponentials)
        return float(largest + logarithm / tilt), factors


@hookimpl
def lossreg_component() -> Reduction:
    return tilted
