"""Tukey's biweight: quadratic near the target, and constant from `c` on.

    value = c^2 / 6 (1 - (1 - (e / c)^2)^3)    |e| <= c      e = prediction - target
          = c^2 / 6                            |e| >  c
    slope = e (1 - (e / c)^2)^2 within c, 0 beyond; of the target its negative

With errors of variance 1 the default c has 95 % of the efficiency of least squares.

Shapes: prediction and target of the same shape. Ranges: any numbers; c above 0.
Source: Beaton and Tukey (1974), doi:10.1080/00401706.1974.10489171; statsmodels' TukeyBiweight (0.15).

>>> tukey.at(1.0, 0.0, c=2.0)
(0.38541666666666663, 0.5625, -0.5625)
>>> tukey.at(9.0, 0.0, c=2.0)[:2]
(0.6666666666666666, 0.0)
"""

from lossreg.plugin import Loss, Positive, Real, hookimpl, loss


@loss
def tukey(prediction: Real, target: Real, c: Positive = 4.685) -> tuple[float, float, float]:
    T = type(prediction)
    error = prediction - target
    z = abs(error) / c
    within = z <= 1
    rest = (T(1) - z) * (T(1) + z) if within else T(0)
    bound = min(abs(error), c)
    # 1 - (1 - z^2)^3 = z^2 (3 - 3 z^2 + z^4)
    value = bound * bound / T(6) * (T(1) + rest + rest * rest)
    slope = error * rest * rest if within else T(0)
    return value, slope, -slope


@tukey.hessian
def second_derivative(prediction: Real, target: Real, c: Positive = 4.685) -> float:
    T = type(prediction)
    z = abs(prediction - target) / c
    return (T(1) - z) * (T(1) + z) * (T(1) - T(5) * z * z) if z <= 1 else T(0)


@hookimpl
def lossreg_component() -> Loss:
    return tukey
