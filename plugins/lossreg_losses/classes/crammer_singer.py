"""Crammer-Singer: by how much the true class fails to lead the best of the others by `margin`.

    value = max(0, margin + max_{j != label} x_j - x_label)
    slope = 1 of the best other class, shared by several that are equal, and -1 of the true one; 0 from the margin on

`multi_margin` has the mean over all other classes in place of the best.

Shapes: x (C) or (N, C) with labels () or (N) of any integer type. Ranges: any numbers and margin.
Source: Crammer and Singer (2001), On the Algorithmic Implementation of Multiclass Kernel-based Vector Machines; optax's
multiclass_hinge_loss (0.2.8), Keras' CategoricalHinge (3.15). With margin 0 it is the perceptron's.

>>> crammer_singer.at([0.5, 1.0, -2.0], 1)
(0.5, [1.0, -1.0, 0.0])
"""

from lossreg.kernels.numerics import INFINITY, difference, largest
from lossreg.plugin import ClassIndex, ClassRow, Loss, Real, Slope, hookimpl, loss


@loss
def crammer_singer(x: ClassRow[Real], label: ClassIndex, slope: Slope, margin: Real = 1.0) -> float:
    T = type(x[0])
    for j in range(len(x)):
        slope[j] = x[j]
    slope[label] = -T(INFINITY)
    best = largest(slope)
    excess = margin + difference(best, x[label])
    flat = (excess <= 0) | (len(x) == 1)
    ties, doubt = T(0), T(0)
    for j in range(len(x)):
        ties += T(slope[j] == best)
        doubt += difference(x[j], x[j])  # nan if one of them is, and else 0
    share = T(0) if flat else T(1) / ties
    for j in range(len(x)):
        slope[j] = share if slope[j] == best else T(0)
    slope[label] = T(0) if flat else T(-1)
    return doubt if flat else excess + doubt


@hookimpl
def lossreg_component() -> Loss:
    return crammer_singer
