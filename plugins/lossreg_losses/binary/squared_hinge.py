"""Squared hinge: the square of by how much a score fails to be on the right side of its margin.

    value = max(0, margin - target prediction)^2
    slope = -2 target max(0, margin - target prediction)

Shapes: prediction and target of the same shape. Ranges: any prediction and margin; target 1 or -1, of any type.
Source: Rosset and Zhu (2007), doi:10.1214/009053606000001370; Keras' SquaredHinge (3.15), which also takes targets of 0
for -1; scikit-learn's squared_hinge of LinearSVC (1.9).

>>> squared_hinge.at(0.25, 1.0)
(0.5625, -1.5)
"""

from lossreg.plugin import Loss, Real, Sign, hookimpl, loss


@loss
def squared_hinge(prediction: Real, target: Sign, margin: Real = 1.0) -> tuple[float, float]:
    T = type(prediction)
    missing = margin - target * prediction
    missing = T(0) if missing <= 0 else missing
    return missing * missing, T(-2) * target * missing


@squared_hinge.hessian
def second_derivative(prediction: Real, target: Sign, margin: Real = 1.0) -> float:
    return type(prediction)(2 if margin - target * prediction > 0 else 0)


@hookimpl
def lossreg_component() -> Loss:
    return squared_hinge
