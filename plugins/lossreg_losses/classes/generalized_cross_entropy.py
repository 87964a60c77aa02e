"""Generalised cross-entropy: between cross-entropy and the mean absolute error, to withstand wrong labels.

    value = (1 - p^q) / q                                                   p = softmax(logits)[label]
    slope = (softmax(logits) - 1[label]) p^q

With q = 0 it is `cross_entropy`, with q = 1 the value is 1 - p. A row with the label `ignore_index` is not read.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type. Ranges: any
logits; q 0 to 1.
Source: Zhang and Sabuncu (2018), arXiv:1805.07836, with their q = 0.7; Keras'
CategoricalGeneralizedCrossEntropy (3.15), which takes probabilities and has q = 0.5.

>>> generalized_cross_entropy.at([0.0, 0.0], 1, q=1.0)
(0.5, [0.25, -0.25])
"""

from lossreg.kernels.numerics import exp, expm1, surprise, weighted
from lossreg.plugin import ClassIndex, ClassRow, IgnoredLabel, Loss, Real, Slope, Unit, hookimpl, loss


@loss
def generalized_cross_entropy(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    q: Unit = 0.7,
    ignore_index: IgnoredLabel = -100,
) -> float:
    nll, _, _ = surprise(logits, label, slope)
    exponent = -weighted(q, nll)
    factor = exp(exponent)
    for j in range(len(slope)):
        slope[j] = factor * slope[j]
    return nll if q == 0 else -expm1(exponent) / q


@hookimpl
def lossreg_component() -> Loss:
    return generalized_cross_entropy
