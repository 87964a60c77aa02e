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

from lossreg.kernels.numerics import surprise
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
    for j in range(len(logits)):
        slope[j] = scale * logits[j]
    slope[label] = scale * (logits[label] - margin[label])
    nll, _, _ = surprise(slope, label, slope)
    for j in range(len(slope)):
        slope[j] = scale * slope[j]
    return nll


@hookimpl
def lossreg_component() -> Loss:
    return ldam
