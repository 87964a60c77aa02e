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

from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    FinitePositive,
    Learned,
    Loss,
    SampleWeight,
    Slopes,
    hookimpl,
    loss,
    normalized_rows,
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
    import numpy as np

    x, p = normalized_rows(embedding), normalized_rows(proxies)
    grad, rows, weight = 2 * scale * (x[0] @ p[0].T), np.arange(len(embedding)), sample_weight[:, np.newaxis]
    wanted = grad[rows, label]
    if not own:
        grad[rows, label] = -np.inf
    top = grad.max(axis=1, keepdims=True)
    shares = np.exp(grad - top)
    total = shares.sum(axis=1, keepdims=True)
    values = sample_weight * (top[:, 0] - wanted + np.log(total[:, 0]))
    np.multiply(shares, 2 * scale * weight / total, out=grad)
    grad[rows, label] -= 2 * scale * sample_weight
    through_cosines(grad, x, p, slopes.get("embedding"), slopes.get("proxies"))
    return values


@proxy_nca.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Four classes."""
    return [random.normal(size=(samples, 3)), random.integers(0, 4, samples), random.normal(size=(4, 3))], {}


@hookimpl
def lossreg_component() -> Loss:
    return proxy_nca
