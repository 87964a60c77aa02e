"""Multi-class margin: the mean over classes of how far each comes within `margin` of the true one, to the p.

    value = weight_label / C sum_{j != label} max(0, margin - x_label + x_j)^p
    slope = p weight_label / C max(0, ...)^(p - 1) of each other class, minus their sum of the true one

At a margin that is met exactly the slope is 0. A mean divides by the number of rows, whatever the weights.

Shapes: x (C) or (N, C) with labels () or (N) of any integer type; weight (C). Ranges: any numbers and margin; p 1 or 2.
Source: Weston and Watkins (1999); PyTorch's MultiMarginLoss.

>>> multi_margin.at([0.5, 1.0, -2.0], 1)
(0.16666666666666666, [0.3333333333333333, -0.3333333333333333, 0.0])
"""

from typing import Literal

from lossreg.kernels.numerics import difference, weighted, wide
from lossreg.plugin import ClassIndex, ClassRow, Loss, Real, Scale, Slope, hookimpl, loss


@loss
def multi_margin(
    x: ClassRow[Real],
    label: ClassIndex,
    slope: Slope,
    margin: Real = 1.0,
    weight: ClassRow[Scale] = 1.0,
    p: Literal[1, 2] = 1,
    hessian: Slope | None = None,
) -> float:
    T = type(x[0])
    own, share = x[label], weight[label] / T(len(x))
    value, pushed, bent, beyond = wide(T(0)), wide(T(0)), wide(T(0)), T(0)
    for j in range(len(x)):
        excess = margin + difference(x[j], own)
        over = T(0) if (excess <= 0) | (j == label) else excess
        value += weighted(share, over) * (T(1) if p == 1 else over)
        push = (share if over > 0 else T(0)) if p == 1 else weighted(share, T(2) * over)
        # A count is exact in the type of the row.
        beyond, pushed = beyond + (T(1) if over > 0 else T(0)), pushed + (T(0) if p == 1 else push)
        slope[j] = push
        if hessian is not None:
            bend = weighted(share, T(2) if (p == 2) & (over > 0) else T(0))
            bent += bend
            hessian[j] = bend
    slope[label] = -weighted(share, beyond) if p == 1 else -T(pushed)
    if hessian is not None:
        hessian[label] = T(bent)
    return T(value)


@multi_margin.hessian_product
def times_vector(
    x: ClassRow[Real],
    label: ClassIndex,
    vector: ClassRow[Real],
    product: Slope,
    margin: Real = 1.0,
    weight: ClassRow[Scale] = 1.0,
    p: Literal[1, 2] = 1,
) -> None:
    T = type(x[0])
    own, share = x[label], weight[label] / T(len(x))
    added = T(0)
    for j in range(len(x)):
        counts = (p == 2) & (j != label) & (margin + difference(x[j], own) > 0)
        product[j] = weighted(share, T(2) if counts else T(0)) * (vector[j] - vector[label])
        added += product[j]
    product[label] = -added


@hookimpl
def lossreg_component() -> Loss:
    return multi_margin
