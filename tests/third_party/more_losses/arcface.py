"""ArcFace: cross-entropy of the cosines to centres of classes, where the own class's angle is larger by a margin.

value = -log softmax(scale cos(theta_j + margin [j = label]))_label

theta_j is the angle between embedding and centre j; beyond pi - margin the own cosine is less by margin
sin(margin) instead. The centres are learned. Shapes: embedding (N, D), label (N), centres (C, D). Ranges: any
numbers, margin 0 to 1, scale above 0. Source: Deng et al. (2019), arXiv:1801.07698.

>>> arcface.at([1.0, 0.0], 0, [[0.0, 1.0], [0.0, 1.0]], margin=0.0, scale=1.0)[0]
0.6931471805599453
"""

from typing import Annotated, Any

from lossreg import create
from lossreg.plugin import Array, Axes, ClassIndex, FinitePositive, Learned, Loss, SampleWeight, Slopes, Unit
from lossreg.plugin import hookimpl, loss, normalized_rows, through_normalization


@loss
def arcface(
    embedding: Annotated[Array, Axes("N D")],
    label: Annotated[Array, Axes("N", ClassIndex)],
    centres: Annotated[Array, Axes("C D"), Learned(lambda random, shape: random.normal(size=shape))],
    sample_weight: SampleWeight,
    slopes: Slopes,
    margin: Unit = 0.5,
    scale: FinitePositive = 64.0,
) -> Array:
    import numpy as np

    (x, of_x), (c, of_c) = normalized_rows(embedding), normalized_rows(centres)
    scaled, own = scale * x, np.arange(len(x))
    logits = scaled @ c.T
    cosine = logits[own, label] / scale
    angle = np.arccos(np.clip(cosine, -1, 1))
    turned = angle + margin <= np.pi
    by_own = np.where(turned & (angle > 0), np.sin(angle + margin) / np.sin(np.where(angle > 0, angle, 1)), 1)
    logits[own, label] = scale * np.where(turned, np.cos(angle + margin), cosine - margin * np.sin(margin))
    criterion = create("cross_entropy", reduction="none")
    values, grad = criterion.value_and_grad(logits, label, sample_weight=sample_weight, out=logits)
    grad[own, label] *= by_own.astype(grad.dtype)
    if "embedding" in slopes:
        slopes["embedding"][...] = through_normalization(scale * (grad @ c), x, of_x)
    if "centres" in slopes:
        slopes["centres"][...] = through_normalization(grad.T @ scaled, c, of_c)
    return values


@arcface.example
def example(random: Any, samples: int) -> tuple[list[Array], dict[str, Any]]:
    """Four classes."""
    return [random.normal(size=(samples, 3)), random.integers(0, 4, samples), random.normal(size=(4, 3))], {
        "scale": 4.0
    }


@hookimpl
def lossreg_component() -> Loss:
    return arcface
