"""Symmetric cross-entropy: cross-entropy, and the cross-entropy of the label under the prediction, for wrong labels.

    value = -alpha log(p) - beta log_zero (1 - p)                           p = softmax(logits)[label]
    slope = (softmax(logits) - 1[label]) (alpha - beta log_zero p)

`log_zero` stands for the logarithm of the 0 that a label gives to the other classes. A row with the label
`ignore_index` is not read.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type. Ranges: any
logits; alpha and beta 0 or above and finite; log_zero finite, and below 0.
Source: Wang et al. (2019), arXiv:1908.06112, with their alpha = 0.1, beta = 1 and log_zero = -4 for CIFAR-10.

>>> symmetric_cross_entropy.at([0.0, 0.0], 1, alpha=1.0)
(2.6931471805599454, [1.5, -1.5])
"""

from lossreg.kernels.numerics import surprise, weighted
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    Finite,
    FiniteNonNegative,
    IgnoredLabel,
    Loss,
    Real,
    Slope,
    hookimpl,
    loss,
)


@loss
def symmetric_cross_entropy(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    alpha: FiniteNonNegative = 0.1,
    beta: FiniteNonNegative = 1.0,
    log_zero: Finite = -4.0,
    ignore_index: IgnoredLabel = -100,
) -> float:
    nll, own, rest = surprise(logits, label, slope)
    factor = alpha - weighted(own, beta * log_zero)
    for j in range(len(slope)):
        slope[j] = factor * slope[j]
    return weighted(alpha, nll) - weighted(rest, beta * log_zero)


@hookimpl
def lossreg_component() -> Loss:
    return symmetric_cross_entropy
