"""Focal cross-entropy: cross-entropy in which a row counts less, the better it is predicted.

    value = -weight_label (1 - p)^gamma log(p)                              p = softmax(logits)[label]
    slope = (softmax(logits) - 1[label]) weight_label (1 - p)^gamma (1 - gamma p log(p) / (1 - p))

With gamma = 0 it is `cross_entropy`. A row with the label `ignore_index` is not read. A mean divides by the sum of
weight_label over the other rows.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type; weight (C).
Ranges: any logits; gamma 0 or above and finite; weights finite.
Source: Lin et al. (2017), arXiv:1708.02002; Keras' CategoricalFocalCrossentropy (3.15), which takes probabilities and
weighs all classes by 0.25.

>>> focal_cross_entropy.at([0.0, 0.0], 1)
(0.17328679513998632, [0.29828679513998635, -0.29828679513998635])
"""

from lossreg.kernels.numerics import exp, log, surprise, weighted
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    FiniteNonNegative,
    IgnoredLabel,
    Loss,
    Real,
    Slope,
    Weight,
    hookimpl,
    loss,
)


@loss
def focal_cross_entropy(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    gamma: FiniteNonNegative = 2.0,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
) -> float:
    T = type(slope[0])
    nll, own, rest = surprise(logits, label, slope)
    scale = weight[label] * exp(weighted(gamma, log(rest)))
    ratio = T(1) if rest == 0 else nll / rest
    factor = scale * (T(1) + gamma * weighted(own, ratio))
    for j in range(len(slope)):
        slope[j] = factor * slope[j]
    return weighted(scale, nll)


@hookimpl
def lossreg_component() -> Loss:
    return focal_cross_entropy
