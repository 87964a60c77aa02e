"""Maximum mean discrepancy: how far the distribution of predicted rows is from that of true ones, by a Gaussian kernel.

    value = E k(x, x') + E k(y, y') - 2 E k(x, y)        k(a, b) = e^(-|a - b|^2 / (2 bandwidth^2))
    slope of x_i = 2 / N^2 sum_j (x_i - y_j) k(x_i, y_j) / bandwidth^2 - (x_i - x_j) k(x_i, x_j) / bandwidth^2

of the rows x = prediction and y = target, over all pairs, those of a row with itself included, so that it is 0 or
above. It is a square. The rows are two samples: which row of the target stands beside a prediction does not matter. The
time grows with N^2.

Shapes: prediction and target (N, D). Ranges: any finite numbers; bandwidth above 0 and finite. A sample of weight w
counts w times in both samples.
Exactness: a slope is the difference of sums over both samples.
Source: Gretton et al. (2012), A kernel two-sample test, equation 5.

>>> mmd.at([[0.0]], [[0.0]])
(0.0, [[0.0]])
"""

from typing import Annotated, Any

from lossreg.plugin import (
    Array,
    Axes,
    Finite,
    FinitePositive,
    Loss,
    Multiplicity,
    Slopes,
    hookimpl,
    loss,
    sample_discrepancy,
)

Rows = Annotated[Array, Axes("N D", Finite)]


@loss(couples="batch")
def mmd(prediction: Rows, target: Rows, weight: Multiplicity, slopes: Slopes, bandwidth: FinitePositive = 1.0) -> Array:
    import numpy as np

    value = sample_discrepancy(prediction, target, weight, slopes.get("prediction"), bandwidth)
    return np.asarray(value, weight.dtype)


@mmd.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Two samples."""
    return [random.normal(size=(samples, 2)), random.normal(size=(samples, 2)) + 1], {}


@hookimpl
def lossreg_component() -> Loss:
    return mmd
