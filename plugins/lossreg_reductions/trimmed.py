"""Trimmed: the mean of all values but the largest `fraction`, which may be outliers or have wrong labels.

    sum_i s_i v_i / sum_i s_i          s_i = 0                v_i > b
                                           = (1 - a) w_i      v_i = b
                                           = w_i              v_i < b

The border b and its share a are such that what is left out is `fraction` of all weights w_i. Equal values at the border
have the same share. The derivative by v_i is s_i / sum_i s_i; at ties it is that of an equal part of each.
Source: Rousseeuw (1984), Journal of the American Statistical Association 79, for squared errors; Shen, Sanghavi (2019),
arXiv:1810.11874.

>>> import numpy as np
>>> value, factors = trimmed.function(np.array([9.0, 1.0, 3.0, 3.0]), np.ones(4), fraction=0.5)
>>> value, factors.tolist()
(2.0, [0.0, 0.5, 0.25, 0.25])
"""

from lossreg.plugin import Array, Fraction, Reduction, hookimpl, reduction, shares_of_largest, weighted_mean


@reduction
def trimmed(values: Array, weights: Array, *, fraction: Fraction = 0.1) -> tuple[float, Array]:
    left_out = shares_of_largest(values, weights, fraction * float(weights.sum())) if fraction else 0.0
    return weighted_mean(values, weights - left_out)


@hookimpl
def lossreg_component() -> Reduction:
    return trimmed
