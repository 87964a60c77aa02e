"""Adaptive softmax: cross-entropy over a large vocabulary whose rare classes stand in clusters, with smaller layers.

    value = cross_entropy(head features, target)                                                 of a frequent class
          = cross_entropy(head features, cluster) + cross_entropy(tail_out (tail_in features), place in the cluster)

The slopes are those of each cross-entropy, led back through its layers.

The classes are sorted by how frequent they are. The first `cutoffs[0]` of them are in the head, beside an entry for
each cluster; cluster i has those from `cutoffs[i]` up to the next cutoff, the last one up to the end. The features of
cluster i are brought down to D / div_value^(i + 1) numbers first. PyTorch's output is minus the value. Criteria also
have `log_prob(features, head, ...)`, the logarithms of all classes' probabilities, and `predict(features, head, ...)`,
the class of the largest. A value is as exact as its logits, each a sum of rounded products.

Shapes: features (N, D) or (D), target (N) or () of any integer type, head (cutoffs[0] + clusters, D); with `head_bias`
its bias, as long as the head has rows; then two tails for each cluster: one of (D // div_value^(i + 1), D), and one of
(classes of the cluster, D // div_value^(i + 1)). Ranges: any numbers; cutoffs above 0 and rising; div_value above 0.
Source: Grave et al. (2017), arXiv:1609.04309; PyTorch's AdaptiveLogSoftmaxWithLoss.

>>> adaptive_log_softmax.at([1.0], 2, [[0.0], [40.0]], [[1.0]], [[0.0], [40.0]], cutoffs=[1], div_value=1.0)[:2]
(8.496708510583178e-18, [-3.398683404233271e-16])
"""

from functools import cache
from itertools import pairwise
from typing import Annotated, Any

from lossreg import create
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    IncreasingIntegers,
    InvalidInput,
    Loss,
    Positive,
    SampleWeight,
    Slopes,
    hookimpl,
    loss,
    require,
)

Features = Annotated[Array, Axes("N D")]
Target = Annotated[Array, Axes("N", ClassIndex)]
Head = Annotated[Array, Axes("K D")]
Bias = Annotated[Array, Axes("K")]
Tails = Annotated[tuple[Array, ...], Axes("P Q")]


@loss
def adaptive_log_softmax(
    features: Features,
    target: Target,
    head: Head,
    bias: Bias | None,
    tails: Tails,
    sample_weight: SampleWeight,
    slopes: Slopes,
    *,
    cutoffs: IncreasingIntegers,
    div_value: Positive = 4.0,
    head_bias: bool = False,
) -> Array:
    import numpy as np

    ends = check(features, head, bias, tails, cutoffs, div_value, head_bias)
    require((target >= 0) & (target < ends[-1]), "target", target, f"a class from 0 to {ends[-1] - 1}")
    cluster = np.searchsorted(cutoffs, target, side="right")
    entry = np.where(cluster == 0, target, cutoffs[0] + cluster - 1)
    for slope in slopes.values():
        slope[...] = 0
    values = layer(
        features, head, entry, bias, sample_weight, [slopes.get(name) for name in ("features", "head", "bias")]
    )
    for at, start in enumerate(cutoffs):
        rows = np.flatnonzero(cluster == at + 1)
        if len(rows) == 0:
            continue
        tail_in, tail_out = tails[2 * at : 2 * at + 2]
        of_in, of_out = (slopes.get(f"tails[{2 * at + side}]") for side in range(2))
        x = features[rows]
        hidden = x @ tail_in.T
        of_hidden: Array = np.empty_like(hidden) if of_in is not None or "features" in slopes else None
        values[rows] += layer(hidden, tail_out, target[rows] - start, None, sample_weight[rows], [of_hidden, of_out])
        if "features" in slopes:
            slopes["features"][rows] += of_hidden @ tail_in
        if of_in is not None:
            np.matmul(of_hidden.T, x, out=of_in)
    return values


kept = cache(create)  # keeps criteria with the cached plans of earlier calls


def layer(
    features: Array, weight: Array, target: Array, bias: Array, sample_weight: Array, slopes: list[Array]
) -> Array:
    """The cross-entropy of a layer's outputs; fills the slopes of features, weight and bias that are not None."""
    criterion = kept("linear_cross_entropy", reduction="none")
    arrays = [x for x in (features, weight, target, bias) if x is not None]
    named = zip(("features", "linear_weight", "linear_bias"), slopes, strict=False)
    wanted = {name: slope for name, slope in named if slope is not None}
    if not wanted:
        return criterion(*arrays, sample_weight=sample_weight)
    options = {"sample_weight": sample_weight, "wrt": tuple(wanted), "out": tuple(wanted.values())}
    return criterion.value_and_grad(*arrays, **options)[0]


def check(
    features: Array,
    head: Array,
    bias: Array,
    tails: Tails,
    cutoffs: IncreasingIntegers,
    div_value: float,
    head_bias: bool,
) -> list[int]:
    """Where the head and the clusters end; raises InvalidInput for layers that do not fit."""
    name = "adaptive_log_softmax"
    if head_bias != (bias is not None):
        raise InvalidInput(
            f"{name}: expected {'a' if head_bias else 'no'} bias behind the head; head_bias is {head_bias}"
        )
    if len(tails) != 2 * len(cutoffs):
        raise InvalidInput(f"{name}: expected 2 tails for each of {len(cutoffs)} cutoffs; got {len(tails)}")
    width, ends = features.shape[-1], [*cutoffs, cutoffs[-1] + len(tails[-1])]
    expected = {"head": (cutoffs[0] + len(cutoffs), width)}
    for at, (start, stop) in enumerate(pairwise(ends)):
        inner = int(width // div_value ** (at + 1))
        expected |= {f"tails[{2 * at}]": (inner, width), f"tails[{2 * at + 1}]": (stop - start, inner)}
    for (what, shape), array in zip(expected.items(), (head, *tails), strict=True):
        if array.shape != shape:
            raise InvalidInput(f"{name}: expected {what} of shape {shape}; got {array.shape}")
    return ends


@adaptive_log_softmax.method
def log_prob(
    features: Array, head: Array, *tails: Array, cutoffs: IncreasingIntegers, div_value: float, head_bias: bool
) -> Array:
    """The logarithms of all classes' probabilities, of shape (N, classes) or (classes)."""
    import numpy as np

    features, head, *rest = map(np.asarray, (features, head, *tails))
    bias = rest.pop(0) if head_bias and rest else None
    check(features, head, bias, tuple(rest), cutoffs, div_value, head_bias)
    top = log_softmax(features @ head.T + (0 if bias is None else bias))
    clusters = [
        top[..., cutoffs[0] + at, None] + log_softmax(features @ rest[2 * at].T @ rest[2 * at + 1].T)
        for at in range(len(cutoffs))
    ]
    return np.concatenate([top[..., : cutoffs[0]], *clusters], axis=-1)


def log_softmax(logits: Array) -> Array:
    """The logarithms of softmax(logits), with all their digits where a class wins by far."""
    import numpy as np

    best = logits.argmax(axis=-1)[..., None]
    below = logits - np.take_along_axis(logits, best, -1)
    others = np.exp(below)
    np.put_along_axis(others, best, 0, -1)
    return below - np.log1p(others.sum(axis=-1, keepdims=True))


@adaptive_log_softmax.method
def predict(features: Array, head: Array, *tails: Array, **parameters: Any) -> Array:
    """The class of the largest probability, of shape (N) or ()."""
    return log_prob(features, head, *tails, **parameters).argmax(axis=-1)


@adaptive_log_softmax.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Two classes in the head, one in the first cluster, two in the second."""
    layers = [random.normal(size=shape) for shape in ((4, 16), (4, 16), (1, 4), (1, 16), (2, 1))]
    return [random.normal(size=(samples, 16)), random.integers(0, 5, samples), *layers], {
        "cutoffs": (2, 3),
        "div_value": 4.0,
        "head_bias": False,
    }


@hookimpl
def lossreg_component() -> Loss:
    return adaptive_log_softmax
