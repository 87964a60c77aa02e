"""Links: from the numbers that a network gives, which may be any, to those that a loss takes.

The domain of a loss's input chooses: probabilities come from a sigmoid or a softmax, what cannot be below 0 from a
softplus, and a distance from two embeddings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.definition import domains

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any


class InverseLink(NamedTuple):
    """A function of what a network gives, and its derivative."""

    apply: Callable[[Array], Array]
    """(raw) -> values"""
    differentiate: Callable[[Array, Array, Array], Array]
    """(raw, values, gradient by the values) -> gradient by raw"""


def _sigmoid(raw: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * raw)  # which does not overflow


def _softplus(raw: Array) -> Array:
    return np.logaddexp(raw, 0)


def _log_softmax(raw: Array) -> Array:
    below = raw - raw.max(axis=-1, keepdims=True)
    return below - np.log(np.exp(below).sum(axis=-1, keepdims=True))


def _log_softmax_slope(_: Array, values: Array, grad: Array) -> Array:
    return grad - np.exp(values) * grad.sum(axis=-1, keepdims=True)


def _softmax(raw: Array) -> Array:
    return np.exp(_log_softmax(raw))


def _softmax_slope(_: Array, values: Array, grad: Array) -> Array:
    return values * (grad - (values * grad).sum(axis=-1, keepdims=True))


def _distance(raw: Array) -> Array:
    return np.linalg.norm(raw[:, 0] - raw[:, 1], axis=-1, keepdims=True)


def _distance_slope(raw: Array, values: Array, grad: Array) -> Array:
    apart = raw[:, 0] - raw[:, 1]
    towards = grad * np.divide(apart, values, out=np.zeros_like(apart), where=values > 0)
    return np.stack([towards, -towards], axis=1)


SIGMOID = InverseLink(_sigmoid, lambda _, values, grad: grad * values * (1 - values))
SOFTPLUS = InverseLink(_softplus, lambda raw, _, grad: grad * _sigmoid(raw))

INVERSE_LINKS: dict[domains.Domain, InverseLink | None] = {
    domains.REAL: None,
    domains.UNIT: SIGMOID,
    domains.POSITIVE: SOFTPLUS,
    domains.NON_NEGATIVE: SOFTPLUS,
    domains.PROBABILITY: InverseLink(_softmax, _softmax_slope),
    domains.LOG_PROBABILITY: InverseLink(_log_softmax, _log_softmax_slope),
    domains.DISSIMILARITY: InverseLink(_distance, _distance_slope),
}
