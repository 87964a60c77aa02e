"""Tweedie negative log-likelihood of a number that is often 0 and otherwise positive, given the logarithm of its mean.

    value = e^((2 - power) prediction) / (2 - power) - target e^((1 - power) prediction) / (1 - power)
    slope = e^((2 - power) prediction) - target e^((1 - power) prediction)
    slope of the target = -e^((1 - power) prediction) / (1 - power)

The variance is proportional to mean^power. The ends are power 1, Poisson, with e^prediction - target prediction, and
power 2, `gamma`. What does not depend on the prediction is left out.

Shapes: prediction and target of the same shape. Ranges: any prediction; target 0 or above; power from 1 to 2.
Source: Jorgensen (1987), Exponential Dispersion Models; scikit-learn's HalfTweedieLoss (1.9), XGBoost's reg:tweedie
(3.2), LightGBM's tweedie (4.7), CatBoost's Tweedie (1.2).

>>> tweedie.at(0.0, 2.0)
(6.0, -1.0, 2.0)
>>> tweedie.at(0.0, 3.0, power=2.0)  # gamma
(3.0, -2.0, 1.0)
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, expm1, weighted
from lossreg.plugin import Domain, Loss, NonNegative, Real, hookimpl, loss


def in_range(x: Any) -> Any:
    return (x >= 1) & (x <= 2)


Power = Annotated[float, Domain("Power", "from 1 to 2", in_range, 1.5)]


@loss
def tweedie(prediction: Real, target: NonNegative, power: Power = 1.5) -> tuple[float, float, float]:
    T = type(prediction)
    lead, lag = T(2) - power, power - T(1)
    grown, shrunk = exp(weighted(lead, prediction)), exp(-weighted(lag, prediction))
    # Far out as a square, of which no factor overflows before the product does.
    root = exp(T(0.5) * (prediction if lag == 0 else -lag * prediction))
    plain = (abs(prediction) < T(80)) | (lag == 0)
    scaled = target * shrunk if plain else target * root * root
    mean = prediction if lead == 0 else grown / lead
    ratio = T(0) if target == 0 else (weighted(-prediction, target) if lag == 0 else scaled / lag)
    value = root * (root - weighted(target / root, prediction)) if (lag == 0) & (grown == INFINITY) else mean + ratio
    value = ratio if ratio == INFINITY else value
    near = shrunk * (expm1(prediction) + (T(1) - target))
    slope = near if abs(prediction) < T(0.5) else grown - (T(0) if target == 0 else scaled)
    return value, slope, -prediction if lag == 0 else shrunk / lag


@tweedie.hessian
def second_derivative(prediction: Real, target: NonNegative, power: Power = 1.5) -> float:
    T = type(prediction)
    grown, shrunk = exp(weighted(T(2) - power, prediction)), exp(weighted(T(1) - power, prediction))
    return weighted(T(2) - power, grown) + weighted(power - T(1), weighted(target, shrunk))


@hookimpl
def lossreg_component() -> Loss:
    return tweedie
