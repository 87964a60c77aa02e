"""Proxy-Anchor: the proxy of each class near the samples of its class, and away from all others, the worst most of all.

    value = sum over the P classes with samples of log(1 + sum_{own samples i} e^(-alpha (c_ij - margin))) / P
            + sum over all C classes of log(1 + sum_{other samples i} e^(alpha (c_ij + margin))) / C
    slope by c_ij = -alpha e^(-alpha (c_ij - margin)) / (1 + sum_{own samples k} ...) / P for an own sample, and so on

of the cosines c_ij of sample i and proxy j. The proxies are learned. A vector of zeros has cosine 0, and no slope.

Shapes: embedding (N, D), label (N), proxies (C, D). Ranges: any numbers; labels 0 to C - 1; alpha above 0 and finite;
any finite margin. A sample of weight w counts w times in the sums.
Exactness: a cosine is rounded, and alpha multiplies the error.
Source: Kim et al. (2020), arXiv:2003.13911, equation 4, with alpha 32 and margin 0.1; pytorch-metric-learning's
ProxyAnchorLoss (2.9).

>>> proxy_anchor.at([[1.0, 0.0]], [0], [[1.0, 0.0], [0.0, 1.0]], alpha=1.0, margin=0.0)[0]
0.6598352777981955
"""

from typing import Annotated, Any

from lossreg.kernels.numerics import INFINITY, exp, larger, log, sigmoid, smaller, softplus
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    Finite,
    FinitePositive,
    Learned,
    Loss,
    Multiplicity,
    Scratch,
    Slopes,
    each_row_of_cosines,
    hookimpl,
    loss,
)


@loss(couples="batch")
def proxy_anchor(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    proxies: Annotated[Array, Axes("C D"), Learned(lambda random, shape: random.normal(size=shape))],
    weight: Multiplicity,
    slopes: Slopes,
    alpha: FinitePositive = 32.0,
    margin: Finite = 0.1,
) -> Array:
    import numpy as np

    by_x, by_p, values = slopes.get("embedding"), slopes.get("proxies"), np.empty(len(proxies))
    settings = (float(alpha), float(margin), np.count_nonzero(np.bincount(label)))
    powers = Scratch(len(embedding))
    each_row_of_cosines(gather, proxies, embedding, by_p, by_x, label, weight, *settings, powers, values)
    return values.sum().astype(weight.dtype)


def gather(
    i: int,
    start: int,
    cosines: Any,
    label: Any,
    weight: Any,
    alpha: float,
    margin: float,
    present: int,
    powers: Any,
    values: Any,
) -> None:
    """The value of one proxy; its row of cosines becomes that of the slopes."""
    row, proxy = cosines[i], start + i
    # Two opposite choices by one condition become a branch, which prevents the vectorization of a loop.
    least, most = INFINITY, -INFINITY
    for j in range(len(row)):
        least = smaller(least, float(row[j]) if label[j] == proxy else INFINITY)
    for j in range(len(row)):
        most = larger(most, -INFINITY if label[j] == proxy else float(row[j]))
    near, far = 0.0, 0.0
    for j in range(len(row)):
        x, same = float(row[j]), label[j] == proxy
        power = weight[j] * exp(alpha * (least - x if same else x - most))
        own = power if same else 0.0
        near += own
        far += power - own
        powers[j] = power
    level = log(near) - alpha * (least - margin) if near > 0 else -INFINITY
    height = log(far) + alpha * (most + margin) if far > 0 else -INFINITY
    classes = len(values)
    values[proxy] = softplus(level) / present + softplus(height) / classes
    pull = -alpha * sigmoid(level) / present / near if near > 0 else 0.0
    push = alpha * sigmoid(height) / classes / far if far > 0 else 0.0
    for j in range(len(row)):
        row[j] = powers[j] * (pull if label[j] == proxy else push)


@proxy_anchor.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Four classes."""
    return [random.normal(size=(samples, 3)), random.integers(0, 4, samples), random.normal(size=(4, 3))], {
        "alpha": 4.0
    }


@hookimpl
def lossreg_component() -> Loss:
    return proxy_anchor
