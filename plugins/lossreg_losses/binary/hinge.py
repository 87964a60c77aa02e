"""Hinge: by how much a score fails to be on the right side of its margin.

    value = max(0, margin - target prediction)
    slope = -target within the margin, 0 at the margin and beyond

Shapes: prediction and target of the same shape. Ranges: any prediction and margin; target 1 or -1, of any type.
Source: Cortes and Vapnik (1995), doi:10.1007/BF00994018; scikit-learn's hinge_loss (1.9), Keras' Hinge (3.15), which
also takes targets of 0 for -1, optax's hinge_loss (0.2.8). With margin 0 it is the perceptron's.

>>> hinge.at(0.25, 1.0)
(0.75, -1.0)
>>> hinge.at(1.0, 1.0)
(0.0, -0.0)
"""

from lossreg.plugin import Loss, Real, Sign, hookimpl, loss


@loss
def hinge(prediction: Real, target: Sign, margin: Real = 1.0) -> tuple[float, float]:
    T = type(prediction)
    missing = margin - target * prediction
    return T(0) if missing <= 0 else missing, -target * (T(0) if missing <= 0 else T(1))


@hinge.hessian
def second_derivative(prediction: Real, target: Sign, margin: Real = 1.0) -> float:
    return type(prediction)(0)


@hookimpl
def lossreg_component() -> Loss:
    return hinge
