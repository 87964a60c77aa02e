"""Modified Huber: a squared hinge that is linear where a score is far on the wrong side.

    value = max(0, 1 - m)^2      m = target prediction >= -1
          = -4 m                 m < -1
    slope = -2 target max(0, 1 - m), and -4 target

Shapes: prediction and target of the same shape. Ranges: any prediction; target 1 or -1, of any type.
Source: Zhang (2004), doi:10.1214/aos/1079120130; scikit-learn's modified_huber of SGDClassifier (1.9).

>>> modified_huber.at(0.5, 1.0)
(0.25, -1.0)
>>> modified_huber.at(3.0, -1.0)
(12.0, 4.0)
"""

from lossreg.plugin import Loss, Real, Sign, hookimpl, loss


@loss
def modified_huber(prediction: Real, target: Sign) -> tuple[float, float]:
    T = type(prediction)
    lead = target * prediction
    missing = T(0) if lead >= 1 else T(1) - lead
    far = lead < -1
    return T(-4) * lead if far else missing * missing, -target * (T(4) if far else T(2) * missing)


@modified_huber.hessian
def second_derivative(prediction: Real, target: Sign) -> float:
    return type(prediction)(2 if abs(prediction) < 1 else 0)


@hookimpl
def lossreg_component() -> Loss:
    return modified_huber
