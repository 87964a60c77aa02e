"""Hinge embedding: a distance that should be small for what belongs together, and at least `margin` for what does not.

    value = prediction                     target  1      slope 1
          = max(0, margin - prediction)    target -1      slope -1 up to the margin, itself included, then 0

Shapes: prediction and target of the same shape. Ranges: any prediction; target 1 or -1, of any type; any margin.
Source: Hadsell, Chopra, LeCun (2006), doi:10.1109/CVPR.2006.100; PyTorch's HingeEmbeddingLoss. Unlike there, targets
other than 1 and -1 are refused.

>>> hinge_embedding.at(0.25, -1.0)
(0.75, -1.0)
"""

from lossreg.plugin import Dissimilarity, Loss, Real, Sign, hookimpl, loss


@loss
def hinge_embedding(prediction: Dissimilarity, target: Sign, margin: Real = 1.0) -> tuple[float, float]:
    T = type(prediction)
    missing = margin - prediction
    apart, pull = (T(0), T(0)) if missing < 0 else (missing, T(-1))
    return (prediction, T(1)) if target > 0 else (apart, pull)


@hinge_embedding.hessian
def second_derivative(prediction: Dissimilarity, target: Sign, margin: Real = 1.0) -> float:
    return type(prediction)(0)


@hookimpl
def lossreg_component() -> Loss:
    return hinge_embedding
