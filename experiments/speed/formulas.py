"""Each loss for jax: optax's where it is the same one, else the plain formula. A function has its loss's name.

They give the number that lossreg gives with the parameters of the cases, from the same inputs in the same order.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from cases import LISTED
from optax import losses

Array = jax.Array


def adaptive_log_softmax(features: Array, target: Array, head: Array, *tails: Array, cutoffs: tuple[int, ...]) -> Array:
    """The plain formula, every cluster for every row: shapes may not depend on the labels."""
    cluster = sum((target >= cutoff).astype(int) for cutoff in cutoffs)
    entry = jnp.where(cluster == 0, target, cutoffs[0] + cluster - 1)
    values = losses.softmax_cross_entropy_with_integer_labels(features @ head.T, entry)
    for at, start in enumerate(cutoffs):
        logits = features @ tails[2 * at].T @ tails[2 * at + 1].T
        place = jnp.clip(target - start, 0, logits.shape[1] - 1)
        values += jnp.where(cluster == at + 1, losses.softmax_cross_entropy_with_integer_labels(logits, place), 0)
    return values.mean()


def bce(prediction: Array, target: Array) -> Array:
    """The logarithms bounded as PyTorch bounds them."""
    yes = jnp.maximum(jnp.log(prediction), -100)
    no = jnp.maximum(jnp.log1p(-prediction), -100)
    return -jnp.mean(target * yes + (1 - target) * no)


def bce_with_logits(logit: Array, target: Array) -> Array:
    """Optax's."""
    return losses.sigmoid_binary_cross_entropy(logit, target).mean()


def cosine_embedding(x1: Array, x2: Array, target: Array) -> Array:
    """With optax's cosine."""
    cosine = losses.cosine_similarity(x1, x2)
    return jnp.where(target > 0, 1 - cosine, jnp.maximum(cosine, 0)).mean()


def cross_entropy(logits: Array, target: Array) -> Array:
    """Optax's two: of labels and of probabilities."""
    if jnp.issubdtype(target.dtype, jnp.integer):
        return losses.softmax_cross_entropy_with_integer_labels(logits, target, axis=1).mean()
    return losses.softmax_cross_entropy(logits, target, axis=1).mean()


def ctc(log_probs: Array, labels: Array, input_lengths: Array, target_lengths: Array) -> Array:
    """Optax's."""
    frames, _, _ = log_probs.shape
    behind = jnp.arange(frames) >= input_lengths[:, None]
    padding = jnp.arange(labels.shape[1]) >= target_lengths[:, None]
    values = losses.ctc_loss(log_probs.swapaxes(0, 1), behind.astype(float), labels, padding.astype(float))
    return jnp.mean(values / target_lengths)


def gaussian_nll(prediction: Array, target: Array, variance: Array) -> Array:
    """The plain formula."""
    v = jnp.maximum(variance, 1e-6)
    return 0.5 * jnp.mean(jnp.log(v) + jnp.square(prediction - target) / v)


def hinge_embedding(prediction: Array, target: Array) -> Array:
    """The plain formula."""
    return jnp.where(target > 0, prediction, jnp.maximum(1 - prediction, 0)).mean()


def huber(prediction: Array, target: Array) -> Array:
    """Optax's."""
    return losses.huber_loss(prediction, target).mean()


def kl_div(prediction: Array, target: Array, reduction: str) -> Array:
    """The plain formula: optax's sums over the last axis."""
    if reduction != "batchmean":
        raise ValueError(f"kl_div: expected reduction batchmean, got {reduction!r}")
    return jnp.sum(target * (jnp.log(target) - prediction)) / len(prediction)


def l1(prediction: Array, target: Array) -> Array:
    """The plain formula."""
    return jnp.abs(prediction - target).mean()


def linear_cross_entropy(features: Array, linear_weight: Array, target: Array) -> Array:
    """Optax's cross-entropy of the product."""
    return losses.softmax_cross_entropy_with_integer_labels(features @ linear_weight.T, target).mean()


def margin_ranking(x1: Array, x2: Array, target: Array) -> Array:
    """The plain formula."""
    return jnp.maximum(-target * (x1 - x2), 0).mean()


def mse(prediction: Array, target: Array) -> Array:
    """Optax's."""
    return losses.squared_error(prediction, target).mean()


def multi_margin(x: Array, label: Array) -> Array:
    """The plain formula."""
    own = jnp.take_along_axis(x, label[:, None], axis=1)
    over = jnp.maximum(1 - own + x, 0)
    others = jnp.arange(x.shape[1]) != label[:, None]
    return jnp.where(others, over, 0).sum(axis=1).mean() / x.shape[1]


def multilabel_margin(x: Array, labels: Array) -> Array:
    """The plain formula, which is given the number of true classes."""
    listed = labels[:, :LISTED]
    true = (jnp.arange(x.shape[1]) == listed[:, :, None]).any(axis=1)
    own = jnp.take_along_axis(x, listed, axis=1)
    over = jnp.maximum(1 - own[:, :, None] + x[:, None, :], 0).sum(axis=1)
    return jnp.where(true, 0, over).sum(axis=1).mean() / x.shape[1]


def multilabel_soft_margin(logits: Array, target: Array) -> Array:
    """Optax's, of every class."""
    return losses.sigmoid_binary_cross_entropy(logits, target).mean()


def nll(prediction: Array, label: Array) -> Array:
    """The plain formula."""
    return -jnp.take_along_axis(prediction, jnp.expand_dims(label, 1), axis=1).mean()


def poisson_nll(prediction: Array, target: Array) -> Array:
    """The plain formula."""
    return jnp.mean(jnp.exp(prediction) - target * prediction)


def smooth_l1(prediction: Array, target: Array) -> Array:
    """Optax's Huber loss, which is the same at a beta of 1."""
    return losses.huber_loss(prediction, target).mean()


def soft_margin(prediction: Array, target: Array) -> Array:
    """The plain formula."""
    return jax.nn.softplus(-target * prediction).mean()


def triplet_margin(anchor: Array, positive: Array, negative: Array) -> Array:
    """The plain formula: optax adds its eps elsewhere."""

    def distance(u: Array, v: Array) -> Array:
        return jnp.sqrt(jnp.square(u - v + 1e-6).sum(axis=-1))

    return jnp.maximum(distance(anchor, positive) - distance(anchor, negative) + 1, 0).mean()


def triplet_margin_with_distance(anchor: Array, positive: Array, negative: Array) -> Array:
    """The same: its distance is that one unless said."""
    return triplet_margin(anchor, positive, negative)
