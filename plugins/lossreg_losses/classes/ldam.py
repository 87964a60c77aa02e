"""LDAM: cross-entropy of scaled logits of which the true class has to lead by a margin of its own.

    value = -log(p)                          p = softmax(scale (logits - margin_label 1[label]))[label]
    slope = scale (softmax(scale (logits - margin_label 1[label])) - 1[label])

`margin` has a number for each class, larger for rare ones: the authors have c / n^(1/4) for a class of n samples, with
c such that the largest is 0.5. A row with the label `ignore_index` is not read.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type; margin (C).
Ranges: any logits, which are cosines in the paper; margin 0 or above and finite; scale above 0 and finite.
Source: Cao et al. (2019), arXiv:1906.07413, with their scale = 30.

>>> ldam.at([0.0, 0.5], 1, scale=1.0)
(0.6931471805599453, [0.5, -0.5])
"""

from lossreg.kernels.numerics import difference, larger, lift, lifted_exp, log_sum, store_lowered, wide
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    FiniteNonNegative,
    FinitePositive,
    IgnoredLabel,
    Loss,
    Real,
    Slope,
    hookimpl,
    loss,
)


@loss
def ldam(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    margin: ClassRow[FiniteNonNegative] = 0.5,
    scale: FinitePositive = 30.0,
    ignore_index: IgnoredLabel = -100,
) -> float:
    T = type(logits[0])
    top = own = scale * (logits[label] - margin[label])
    for j in range(len(logits)):
        top = larger(top, own if j == label else scale * logits[j])
    mass = wide(T(0))
    for j in range(len(logits)):
        mass += T(0) if j == label else lifted_exp(difference(scale * logits[j], top))
    behind = difference(own, top)
    others, own = T(mass), lifted_exp(behind)
    unit = lift(own)
    everything = own + others
    share = scale / (everything / unit)
    for j in range(len(logits)):
        store_lowered(slope, j, lifted_exp(difference(scale * logits[j], top)), share)
    slope[label] = -scale * (others / everything)
    return log_sum(own / unit, others / unit) - behind


@hookimpl
def lossreg_component() -> Loss:
    return ldam
