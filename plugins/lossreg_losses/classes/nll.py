"""Negative log-likelihood: minus the log-probability of the true class, times the weight of that class.

    value = -weight_label prediction_label        slope = -weight_label at the label, 0 elsewhere

A mean divides by the sum of weight_label over the rows that are not ignored. A row whose label is `ignore_index` is
not read.

Shapes: prediction (C), (N, C) or (N, C, d1, ...) with labels (), (N) or (N, d1, ...) of any integer type.
Ranges: log-probabilities, which is not checked; weights finite.
Source: Fisher (1922), doi:10.1098/rsta.1922.0009; PyTorch's NLLLoss. Unlike there, weight 0 against -inf is 0.

>>> nll.at([-0.5, -1.5], 1)
(1.5, [0.0, -1.0])
"""

from lossreg.kernels.numerics import weighted_in_float64
from lossreg.plugin import (
    ClassIndex,
    ClassRow,
    IgnoredLabel,
    LogProbability,
    Loss,
    Real,
    Slope,
    Weight,
    hookimpl,
    loss,
)


@loss
def nll(
    prediction: ClassRow[LogProbability],
    label: ClassIndex,
    slope: Slope | None,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
) -> float:
    T = type(prediction[0])
    if slope is not None:
        for j in range(len(slope)):
            slope[j] = T(0)
        slope[label] = -weight[label]
    return weighted_in_float64(weight[label], -prediction[label])


@nll.hessian
def second_derivative(
    prediction: ClassRow[LogProbability],
    label: ClassIndex,
    hessian: Slope,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
) -> None:
    for j in range(len(hessian)):
        hessian[j] = type(prediction[0])(0)


@nll.hessian_product
def times_vector(
    prediction: ClassRow[LogProbability],
    label: ClassIndex,
    vector: ClassRow[Real],
    product: Slope,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
) -> None:
    for j in range(len(product)):
        product[j] = type(vector[0])(0)


@hookimpl
def lossreg_component() -> Loss:
    return nll
