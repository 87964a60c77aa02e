"""Cross-entropy of a linear layer's outputs, which are never held whole: the last layer of a large vocabulary.

    value = cross_entropy(features @ linear_weight.T + linear_bias, target)
    slope = that of the logits @ linear_weight                                                          by the features

with the parameters of cross_entropy: `weight`, `ignore_index`, `label_smoothing`, `z_loss` and `softcap`; and gradients
of features, linear_weight and linear_bias. The logits exist for a block of rows at a time, of 52 MiB at most unless a
row is more, and the gradient of the weights is added up in pieces. A value is as exact as its logits, each a sum of D
rounded products.

Shapes: features (N, D) or (D), linear_weight (C, D), target (N) or () of any integer type, or probabilities (N, C) or
(C); then linear_bias (C), if there is one. A layer of several outputs, each a classification of its own, has features
(N, D), linear_weight (C, ..., D), target (N, ...) or (N, C, ...) and linear_bias (C, ...); weights and masks are
(N, ...). Ranges: any features, weights and biases; label smoothing 0 to 1; class weights finite; z_loss and
softcap 0 or above and finite.
Source: Wijmans et al. (2024), arXiv:2411.09009; PyTorch's LinearCrossEntropyLoss.

>>> linear_cross_entropy.at([1.0, 2.0], [[0.0, 0.0], [20.0, 10.0]], 1)[:2]
(4.248354255291589e-18, [-8.496708510583178e-17, -4.248354255291589e-17])
"""

from functools import lru_cache
from typing import Annotated, Any

from lossreg import create
from lossreg.plugin import (
    Array,
    Axes,
    ClassIndex,
    ClassRow,
    FiniteNonNegative,
    IgnoredLabel,
    Loss,
    Probability,
    SampleWeight,
    Scale,
    Slopes,
    Unit,
    Weight,
    hookimpl,
    loss,
)

Features = Annotated[Array, Axes("N D")]
Layer = Annotated[Array, Axes("C D")]
Bias = Annotated[Array, Axes("C")]

PARAMETERS = ("weight", "ignore_index", "label_smoothing", "z_loss", "softcap")
kept = lru_cache(64)(create)  # keeps criteria with the cached plans of earlier calls
BLOCK = 52 << 20
"""Bytes of logits at a time: each further block has the weights packed twice more, and their gradient added up."""
PIECE = 4 << 20
"""Bytes at a time of the weights' gradient, and of the logits that it comes from, of which BLAS packs a copy."""
EVEN = 32
"""Rows are multiples of this many: 342 take a fifth longer to multiply than 384 do."""


@loss
def linear_cross_entropy(
    features: Features,
    linear_weight: Layer,
    target: Annotated[Array, Axes("N", ClassIndex)],
    linear_bias: Bias | None,
    sample_weight: SampleWeight,
    slopes: Slopes,
    weight: ClassRow[Weight] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
) -> Array:
    given = dict(zip(PARAMETERS, (weight, ignore_index, label_smoothing, z_loss, softcap), strict=True))
    return in_blocks(features, linear_weight, linear_bias, target, sample_weight, slopes, given)


@linear_cross_entropy.form
def probabilities(
    features: Features,
    linear_weight: Layer,
    target: Annotated[Array, Axes("N C", Probability)],
    linear_bias: Bias | None,
    sample_weight: SampleWeight,
    slopes: Slopes,
    weight: ClassRow[Scale] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
) -> Array:
    given = dict(zip(PARAMETERS, (weight, ignore_index, label_smoothing, z_loss, softcap), strict=True))
    return in_blocks(features, linear_weight, linear_bias, target, sample_weight, slopes, given)


Layers = Annotated[Array, Axes("C ... D")]
Biases = Annotated[Array, Axes("C ...")]
WeightByOutput = Annotated[SampleWeight, Axes("N ...")]
ValuesAndCounts = tuple[Annotated[Array, Axes("N ...")], Array]


@linear_cross_entropy.form
def several_outputs(
    features: Features,
    linear_weight: Layers,
    target: Annotated[Array, Axes("N ...", ClassIndex)],
    linear_bias: Biases | None,
    sample_weight: WeightByOutput,
    slopes: Slopes,
    weight: ClassRow[Scale] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
) -> ValuesAndCounts:
    import numpy as np

    given = dict(zip(PARAMETERS, (weight, ignore_index, label_smoothing, z_loss, softcap), strict=True))
    values = output_by_output(features, linear_weight, linear_bias, target, sample_weight, slopes, given)
    # A mean divides by the weights of the labels, as that of a single output does.
    return values, sample_weight * np.broadcast_to(weight, len(linear_weight))[target]


@linear_cross_entropy.form
def several_outputs_of_probabilities(
    features: Features,
    linear_weight: Layers,
    target: Annotated[Array, Axes("N C ...", Probability)],
    linear_bias: Biases | None,
    sample_weight: WeightByOutput,
    slopes: Slopes,
    weight: ClassRow[Scale] = 1.0,
    ignore_index: IgnoredLabel = -100,
    label_smoothing: Unit = 0.0,
    z_loss: FiniteNonNegative = 0.0,
    softcap: FiniteNonNegative = 0.0,
) -> ValuesAndCounts:
    given = dict(zip(PARAMETERS, (weight, ignore_index, label_smoothing, z_loss, softcap), strict=True))
    values = output_by_output(features, linear_weight, linear_bias, target, sample_weight, slopes, given)
    return values, sample_weight


def output_by_output(
    features: Array,
    linear_weight: Array,
    linear_bias: Array,
    target: Array,
    sample_weight: Array,
    slopes: Slopes,
    parameters: dict[str, Any],
) -> Array:
    """Compute one output of the layer after another; the slopes of the features are added up."""
    import numpy as np

    values = np.empty_like(sample_weight)
    for slope in slopes.values():
        slope[...] = 0
    for at in range(values.shape[1]):
        layer = np.ascontiguousarray(linear_weight[:, at])
        bias = None if linear_bias is None else linear_bias[:, at]
        own = {name: np.empty_like({"features": features, "linear_weight": layer}.get(name, bias)) for name in slopes}
        values[:, at] = in_blocks(features, layer, bias, target[..., at], sample_weight[:, at], own, parameters)
        for name, slope in own.items():
            if name == "features":
                slopes[name] += slope
            else:
                slopes[name][:, at] = slope
    return values


def in_blocks(
    features: Array,
    linear_weight: Array,
    linear_bias: Array,
    target: Array,
    sample_weight: Array,
    slopes: Slopes,
    parameters: dict[str, Any],
) -> Array:
    """Go through the rows, a block at a time; the slopes of its logits take the logits' place."""
    import numpy as np

    make = create if isinstance(parameters["weight"], np.ndarray) else kept  # an array cannot be a key
    criterion = make("cross_entropy", reduction="none", **parameters)
    samples, classes, size = len(features), len(linear_weight), features.itemsize
    rows = rows_of_blocks(samples, size * classes)
    values, buffer = np.empty_like(sample_weight), np.empty((min(rows, samples), classes), features.dtype)
    columns = min(classes, max(1, PIECE // (size * max(rows, features.shape[1]))))
    part = np.empty((columns, features.shape[1]), features.dtype)
    if "linear_bias" in slopes:
        slopes["linear_bias"][...] = 0
    for start in range(0, samples, rows):
        x, logits = features[start : start + rows], buffer[: samples - start]
        np.matmul(x, linear_weight.T, out=logits)
        if linear_bias is not None:
            logits += linear_bias
        own = slice(start, start + rows)
        if slopes:
            values[own], _ = criterion.value_and_grad(logits, target[own], sample_weight=sample_weight[own], out=logits)
        else:
            values[own] = criterion(logits, target[own], sample_weight=sample_weight[own])
        if "features" in slopes:
            np.matmul(logits, linear_weight, out=slopes["features"][start : start + rows])
        if "linear_weight" in slopes:
            add_product(slopes["linear_weight"], logits, x, part, first=start == 0)
        if "linear_bias" in slopes:
            slopes["linear_bias"] += logits.sum(axis=0)
    return values


def rows_of_blocks(samples: int, width: int) -> int:
    """How many rows a block has: as few blocks as there may be, all of one size but for the last."""
    most = max(1, BLOCK // width)
    even = EVEN if most >= EVEN else 1
    blocks = -(-samples // (most - most % even))
    return -(-samples // (blocks * even)) * even


def add_product(slope: Array, logits: Array, x: Array, part: Array, *, first: bool) -> None:
    """Add logits.T @ x to the weights' gradient, some classes at a time; the first block is not added to anything."""
    import numpy as np

    for start in range(0, len(slope), len(part)):
        some = slope[start : start + len(part)]
        product = np.matmul(logits[:, start : start + len(part)].T, x, out=some if first else part[: len(some)])
        if not first:
            some += product


@linear_cross_entropy.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Few features, few classes."""
    features, weights = random.normal(size=(samples, 3)), random.normal(size=(5, 3))
    return [features, weights, random.integers(0, 5, samples), random.normal(size=5)], {}


@linear_cross_entropy.example
def example_of_probabilities(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """The same without a bias."""
    (features, weights, _, _), parameters = example(random, samples)
    shares = random.uniform(size=(samples, 5))
    return [features, weights, shares / shares.sum(axis=1, keepdims=True)], parameters


@linear_cross_entropy.example
def example_of_several_outputs(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Two outputs, each of few classes."""
    features, weights = random.normal(size=(samples, 3)), random.normal(size=(5, 2, 3))
    return [features, weights, random.integers(0, 5, (samples, 2)), random.normal(size=(5, 2))], {}


@linear_cross_entropy.example
def example_of_several_outputs_of_probabilities(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """The same without a bias."""
    (features, weights, _, _), parameters = example_of_several_outputs(random, samples)
    shares = random.uniform(size=(samples, 5, 2))
    return [features, weights, shares / shares.sum(axis=1, keepdims=True)], parameters


@hookimpl
def lossreg_component() -> Loss:
    return linear_cross_entropy
