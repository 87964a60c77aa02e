"""Energy distance: how far the distribution of predicted rows is from that of true ones, by Euclidean distances.

    value = 2 E |x - y| - E |x - x'| - E |y - y'|
    slope of x_i = 2 / N^2 sum_j (x_i - y_j) / |x_i - y_j| - (x_i - x_j) / |x_i - x_j|

of the rows x = prediction and y = target, over all pairs, those of a row with itself included, so that it is 0 or
above. Equal rows have no direction, and slope 0. The rows are two samples: which row of the target stands beside a
prediction does not matter. The time grows with N^2.

Shapes: prediction and target (N, D). Ranges: any finite numbers. A sample of weight w counts w times in both samples.
Exactness: a slope is the difference of sums over both samples.
Source: Szekely and Rizzo (2013), doi:10.1016/j.jspi.2013.03.018; for numbers, it is the
square of scipy's energy_distance.

>>> energy_distance.at([[0.0]], [[3.0]])
(6.0, [[-2.0]])
"""

from typing import Annotated, Any

from lossreg.plugin import (
    Array,
    Axes,
    Finite,
    Loss,
    Multiplicity,
    Slopes,
    hookimpl,
    loss,
    sample_discrepancy,
)

Rows = Annotated[Array, Axes("N D", Finite)]


@loss(couples="batch")
def energy_distance(prediction: Rows, target: Rows, weight: Multiplicity, slopes: Slopes) -> Array:
    import numpy as np

    return np.asarray(sample_discrepancy(prediction, target, weight, slopes.get("prediction"), 0.0), weight.dtype)


@energy_distance.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Two samples."""
    return [random.normal(size=(samples, 2)), random.normal(size=(samples, 2)) + 1], {}


@hookimpl
def lossreg_component() -> Loss:
    return energy_distance
