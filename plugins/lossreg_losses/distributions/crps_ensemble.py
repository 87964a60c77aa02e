"""Continuous ranked probability score of an ensemble: the error of its members less half of how far they are apart.

    value = sum_i |x_i - target| / M - sum_ij |x_i - x_j| / (2 M D)        D = M, or M - 1 with `fair`
    slope = sign(x_i - target) / M - sum_j sign(x_i - x_j) / (M D)

of a row with M members. With `fair` it is what a member of an unlimited ensemble would score, which does not favour
members that are too near each other; of a single member it is then the absolute error. Its time grows with M^2.

Shapes: prediction (M), (N, M) or (N, M, d1, ...) with targets (), (N) or (N, d1, ...). Ranges: any numbers.
Exactness: the value is a difference of two rounded means.
Source: Gneiting and Raftery (2007), doi:10.1198/016214506000001437; Ferro (2014), doi:10.1002/qj.2270, for `fair`;
properscoring's crps_ensemble (0.1).

>>> crps_ensemble.at([1.0, 3.0], 0.0)
(1.5, [0.75, 0.25])
"""

from lossreg.plugin import ClassRow, Loss, Real, Slope, hookimpl, loss


@loss
def crps_ensemble(prediction: ClassRow[Real], target: Real, slope: Slope, fair: bool = False) -> float:
    T = type(prediction[0])
    members = len(prediction)
    others = T(members - 1) if fair & (members > 1) else T(members)
    share = T(1) / T(members) / others
    value = T(0)
    for i in range(members):
        x = prediction[i]
        order = T(0)
        for j in range(members):
            y = prediction[j]
            # |x - t| + |y - t| - |x - y| is twice the distance of t from the interval between x and y, which is exact.
            below, above = min(y, x) - target, target - max(x, y)
            distance = below if below > 0 else (T(0) if above <= 0 else above)
            value += T(0) if (i == j) & (others < members) else share * distance
            order += T(x > y) - T(x < y)
        slope[i] = ((T(x > target) - T(x < target)) * others - order) / (T(members) * others)
    return value


@hookimpl
def lossreg_component() -> Loss:
    return crps_ensemble
