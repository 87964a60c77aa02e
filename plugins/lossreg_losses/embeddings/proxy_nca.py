"""Proxy-NCA: how much nearer a vector is to the proxy of its own class than to those of the others.

    value = d_label + log(sum_{j != label} e^(-d_j))        d_j = scale |x / |x| - p_j / |p_j||^2 = 2 scale (1 - cos)
          = d_label + log(sum_j e^(-d_j))                   with `own`
    slope by d_j = [j = label] - e^(-d_j) / sum_{k != label} e^(-d_k)

The paper leaves the own class out of the sum, so that the value can be below 0; later implementations have it there.
The proxies are learned. A vector of zeros has cosine 0 with any other, and no slope.

Shapes: embedding (N, D), label (N), proxies (C, D). Ranges: any numbers; labels 0 to C - 1, with at least two classes;
scale above 0 and finite.
Exactness: a cosine is rounded, and scale multiplies the error.
Source: Movshovitz-Attias et al. (2017), arXiv:1703.07464, equation 4; pytorch-metric-learning's ProxyNCALoss (2.9),
which has `own`.

>>> proxy_nca.at([1.0, 0.0], 0, [[1.0, 0.0], [0.0, 1.0]])[0]
-2.0
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, larger, log, wide
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    ClassRow,
    FinitePositive,
    Learned,
    Loss,
    Real,
    SampleWeight,
    Slope,
    Slopes,
    hookimpl,
    loss,
    normalized_rows,
    row_criterion,
    through_cosines,
)


@loss
def proxy_nca(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    proxies: Annotated[Array, Axes("C D"), Learned(lambda random, shape: random.normal(size=shape))],
    sample_weight: SampleWeight,
    slopes: Slopes,
    scale: FinitePositive = 1.0,
    own: bool = False,
) -> Array:
    x, p = normalized_rows(embedding), normalized_rows(proxies)
    cosines = x[0] @ p[0].T
    criterion = row_criterion(nearest, scale=scale, own=own)
    values, grad = criterion.value_and_grad(cosines, label, sample_weight=sample_weight, out=cosines)
    through_cosines(grad, x, p, slopes, ("embedding", "proxies"))
    return values


@loss
def nearest(
    cosine: ClassRow[Real], label: ClassIndex, slope: Slope, scale: FinitePositive = 1.0, own: bool = False
) -> float:
    """The value of one sample, and its slopes by the cosines."""
    T, top = type(cosine[0]), type(cosine[0])(-INFINITY)
    for j in range(len(cosine)):
        c = cosine[j]
        top = larger(top, T(-INFINITY) if (j == label) & (not own) else c)
    mass = wide(T(0))
    for j in range(len(cosine)):
        share = exp(T(2) * scale * (cosine[j] - top))
        slope[j] = T(0) if (j == label) & (not own) else share
        mass += slope[j]
    mass = T(mass)
    for j in range(len(cosine)):
        slope[j] = T(2) * scale * (slope[j] / mass - (T(1) if j == label else T(0)))
    return T(2) * scale * (top - cosine[label]) + log(mass)


@proxy_nca.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Four classes."""
    return [random.normal(size=(samples, 3)), random.integers(0, 4, samples), random.normal(size=(4, 3))], {}


@hookimpl
def lossreg_component() -> Loss:
    return proxy_nca
