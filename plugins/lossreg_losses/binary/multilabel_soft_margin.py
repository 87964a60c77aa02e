"""Multi-label soft margin: the mean over classes of the binary cross-entropy of each class's logit.

    value = 1 / C sum_c weight_c (target_c softplus(-logits_c) + (1 - target_c) softplus(logits_c))
    slope = weight_c / C ((1 - target_c) sigmoid(logits_c) - target_c sigmoid(-logits_c))

Shapes: logits and target (..., C), the loss's own (...); weight (C). A third array `weights` of shape (..., C) has a
weight for each row and class, such as 0 for a label that is missing; PyTorch's `weight` may have that shape too.
Ranges: any logits; target 0 to 1, of any type; finite weights.
Exactness: terms cancel where weights have both signs.
Source: Good (1952), Rational Decisions; PyTorch's MultiLabelSoftMarginLoss. Unlike there, targets outside 0 to 1 are
refused.

>>> multilabel_soft_margin.at([0.0, 0.0], [1.0, 0.0])
(0.6931471805599453, [-0.25, 0.25])
"""

from lossreg.kernels.numerics import sigmoid, softplus, weighted, wide
from lossreg.plugin import Finite, Given, Loss, Real, Row, Scale, Slope, Unit, hookimpl, loss


@loss
def multilabel_soft_margin(logits: Row[Real], target: Row[Unit], slope: Slope, weight: Row[Scale] = 1.0) -> float:
    T = type(logits[0])
    value = wide(T(0))
    for j in range(len(logits)):
        x, yes, no = logits[j], target[j], T(1) - target[j]
        share = weight[j] / T(len(logits))
        value += weighted(share, weighted(yes, softplus(-x)) + weighted(no, softplus(x)))
        slope[j] = share * (no * sigmoid(x) - yes * sigmoid(-x))
    return T(value)


@multilabel_soft_margin.form
def weighted_labels(
    logits: Row[Real], target: Row[Unit], weights: Given[Row[Finite]], slope: Slope, weight: Row[Scale] = 1.0
) -> float:
    T = type(logits[0])
    value = wide(T(0))
    for j in range(len(logits)):
        x, yes, no = logits[j], target[j], T(1) - target[j]
        share = weight[j] * weights[j] / T(len(logits))
        value += weighted(share, weighted(yes, softplus(-x)) + weighted(no, softplus(x)))
        slope[j] = share * (no * sigmoid(x) - yes * sigmoid(-x))
    return T(value)


@multilabel_soft_margin.hessian
def second_derivative(logits: Row[Real], target: Row[Unit], hessian: Slope, weight: Row[Scale] = 1.0) -> None:
    T = type(logits[0])
    for j in range(len(logits)):
        hessian[j] = weight[j] / T(len(logits)) * (sigmoid(logits[j]) * sigmoid(-logits[j]))


@multilabel_soft_margin.hessian_product
def times_vector(
    logits: Row[Real], target: Row[Unit], vector: Row[Real], product: Slope, weight: Row[Scale] = 1.0
) -> None:
    second_derivative(logits, target, product, weight)
    for j in range(len(logits)):
        product[j] = product[j] * vector[j]


@multilabel_soft_margin.hessian
def weighted_second_derivative(
    logits: Row[Real], target: Row[Unit], weights: Given[Row[Finite]], hessian: Slope, weight: Row[Scale] = 1.0
) -> None:
    second_derivative(logits, target, hessian, weight)
    for j in range(len(logits)):
        hessian[j] = hessian[j] * weights[j]


@multilabel_soft_margin.hessian_product
def weighted_times_vector(
    logits: Row[Real],
    target: Row[Unit],
    weights: Given[Row[Finite]],
    vector: Row[Real],
    product: Slope,
    weight: Row[Scale] = 1.0,
) -> None:
    weighted_second_derivative(logits, target, weights, product, weight)
    for j in range(len(logits)):
        product[j] = product[j] * vector[j]


@hookimpl
def lossreg_component() -> Loss:
    return multilabel_soft_margin
