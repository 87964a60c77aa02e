"""Multi-label margin: the mean over classes of how far each other class comes within 1 of each true class.

    value = 1 / C sum_{y true} sum_{j not true} max(0, 1 - x_y + x_j)

A row's true classes are the numbers in `labels` before its first -1; one that stands there twice counts twice. At a
margin that is met exactly the slope is 0.

Shapes: x and labels (C) or (N, C), of the same shape. Ranges: any numbers; labels classes of any integer type, or -1.
Source: Crammer and Singer (2003), jmlr.org/papers/v3/crammer03b; PyTorch's MultiLabelMarginLoss.

>>> multilabel_margin.at([0.5, 1.0, -2.0], [1, -1, 0])
(0.16666666666666666, [0.3333333333333333, -0.3333333333333333, 0.0])
"""

from lossreg.kernels.numerics import difference, wide
from lossreg.plugin import Loss, PaddedClassIndex, Real, Row, Slope, hookimpl, loss

SHORT = 32
"""The most classes for a loop over pairs; more take a quarter of the time in a loop over all classes for each label."""


@loss
def multilabel_margin(x: Row[Real], labels: Row[PaddedClassIndex], slope: Slope) -> float:
    T = type(x[0])
    classes, listed, value = len(x), 0, wide(T(0))
    for j in range(classes):
        slope[j] = T(0)
    while listed < classes and labels[listed] != -1:
        listed += 1
    # The slope of a true class is one less than its count, so that it is below 0, and others' are not.
    for k in range(listed):
        slope[labels[k]] = T(-1)
    for j in range(classes if classes <= SHORT else 0):
        for k in range(listed if slope[j] >= 0 else 0):
            excess = T(1) + difference(x[j], x[labels[k]])
            value += T(0) if excess <= 0 else excess / T(classes)
            slope[j] += T(excess > 0)
            slope[labels[k]] -= T(excess > 0)
    for k in range(listed if classes > SHORT else 0):
        own, counted = x[labels[k]], T(0)
        for j in range(classes):
            excess = T(1) + difference(x[j], own)
            other = slope[j] >= 0
            value += excess / T(classes) if other & (not (excess <= 0)) else T(0)
            over = T(other & (excess > 0))
            counted += over
            slope[j] += over
        slope[labels[k]] -= counted
    for j in range(classes):
        slope[j] = (slope[j] + T(slope[j] < 0)) / T(classes)
    return T(value)


@hookimpl
def lossreg_component() -> Loss:
    return multilabel_margin
