"""Top k: the mean of the largest values, which is also called hard-example mining, or conditional value at risk.

    sum_i s_i v_i / sum_i s_i          s_i = w_i          v_i > b
                                           = a w_i        v_i = b
                                           = 0            v_i < b

The border b and its share a are such that the s_i add up to `fraction` of all weights w_i, or to `count` if that is
given (or to all weights, if these are less). So a border value may count in part: `fraction` 0.25 of 10 equal weights
is the two largest values and half of the third. Equal values at the border have the same share. The derivative by v_i
is s_i / sum_i s_i; at ties it is one of the subgradients.
Source: Fan, Lyu, Ying, Hu (2017), arXiv:1705.08826; Rockafellar, Uryasev (2000), Journal of Risk 2(3), where `fraction`
is 1 - alpha; Shrivastava, Gupta, Girshick (2016), arXiv:1604.03540.

>>> import numpy as np
>>> values, weights = np.array([4.0, 1.0, 3.0, 3.0]), np.ones(4)
>>> value, factors = top_k.function(values, weights, count=2)
>>> value, factors.tolist()
(3.5, [0.5, 0.0, 0.25, 0.25])
>>> top_k.function(values, weights, fraction=0.75)[0]
3.3333333333333335
"""

from typing import Annotated

from lossreg.plugin import (
    Array,
    Domain,
    PositiveInteger,
    Reduction,
    hookimpl,
    reduction,
    shares_of_largest,
    weighted_mean,
)

Portion = Annotated[float, Domain("Portion", "above 0, up to 1", lambda x: (x > 0) & (x <= 1), 0.5)]


@reduction
def top_k(
    values: Array, weights: Array, *, fraction: Portion = 0.1, count: PositiveInteger | None = None
) -> tuple[float, Array]:
    total = float(weights.sum())
    amount = fraction * total if count is None else min(count, total)
    return weighted_mean(values, shares_of_largest(values, weights, amount))


@hookimpl
def lossreg_component() -> Reduction:
    return top_k
