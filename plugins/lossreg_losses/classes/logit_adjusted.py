"""Logit-adjusted cross-entropy: of logits to which the logarithms of the classes' frequencies are added.

    value = -log(p)                          p = softmax(logits + tau log(prior))[label]
    slope = softmax(logits + tau log(prior)) - 1[label]

A model that is trained by it and then used without the adjustment treats rare classes as if all were equally frequent.
`prior` has the frequency of each class in the training data; a common factor does not matter. With
tau = 0 it is `cross_entropy`. A row with the label `ignore_index` is not read.

Shapes: logits (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type; prior (C).
Ranges: any logits; prior above 0 and finite; tau finite.
Source: Menon et al. (2021), arXiv:2007.07314; Ren et al. (2020), arXiv:2007.10740, as balanced softmax.

>>> logit_adjusted.at([0.0, 0.0], 1, prior=[3.0, 1.0])
(1.3862943611198908, [0.75, -0.75])
"""

from lossreg.kernels.numerics import log, surprise, weighted
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    Finite,
    FinitePositive,
    IgnoredLabel,
    Loss,
    Real,
    Slope,
    hookimpl,
    loss,
)


@loss
def logit_adjusted(
    logits: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    prior: ClassRow[FinitePositive] = 1.0,
    tau: Finite = 1.0,
    ignore_index: IgnoredLabel = -100,
) -> float:
    for j in range(len(logits)):
        slope[j] = logits[j] + weighted(tau, log(prior[j]))
    return surprise(slope, label, slope)[0]


@hookimpl
def lossreg_component() -> Loss:
    return logit_adjusted
