"""Inverse link functions: from the outputs of a network, which may be any number, to the predictions of a loss.

The domain of the loss's input decides: probabilities are a sigmoid or softmax of the outputs, non-negative numbers a
softplus, and a dissimilarity is the distance between two embeddings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.definition import domains

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any


class InverseLink(NamedTuple):
    """A function of the network's outputs, and its derivative."""

    apply: Callable[[Array], Array]
    """outputs -> predictions"""
    differentiate: Callable[[Array, Array, Array], Array]
    """outputs, predictions, gradient with respect to the predictions -> gradient with respect to the outputs"""


def _sigmoid(outputs: Array) -> Array:
    return 0.5 + 0.5 * np.tanh(0.5 * outputs)  # in this form it does not overflow


def _softplus(outputs: Array) -> Array:
    return np.logaddexp(outputs, 0)


def _log_softmax(outputs: Array) -> Array:
    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _log_softmax_slope(_: Array, predictions: Array, grad: Array) -> Array:
    return grad - np.exp(predictions) * grad.sum(axis=-1, keepdims=True)


def _softmax(outputs: Array) -> Array:
    return np.exp(_log_softmax(outputs))


def _softmax_slope(_: Array, predictions: Array, grad: Array) -> Array:
    return predictions * (grad - (predictions * grad).sum(axis=-1, keepdims=True))


def _distance(outputs: Array) -> Array:
    return np.linalg.norm(outputs[:, 0] - outputs[:, 1], axis=-1, keepdims=True)


def _distance_slope(outputs: Array, predictions: Array, grad: Array) -> Array:
    difference = outputs[:, 0] - outputs[:, 1]
    direction = np.divide(difference, predictions, out=np.zeros_like(difference), where=predictions > 0)
    return np.stack([grad * direction, -grad * direction], axis=1)


SIGMOID = InverseLink(_sigmoid, lambda _, predictions, grad: grad * predictions * (1 - predictions))
SOFTPLUS = InverseLink(_softplus, lambda outputs, _, grad: grad * _sigmoid(outputs))

INVERSE_LINKS: dict[domains.Domain, InverseLink | None] = {
    domains.REAL: None,
    domains.UNIT: SIGMOID,
    domains.POSITIVE: SOFTPLUS,
    domains.NON_NEGATIVE: SOFTPLUS,
    domains.PROBABILITY: InverseLink(_softmax, _softmax_slope),
    domains.LOG_PROBABILITY: InverseLink(_log_softmax, _log_softmax_slope),
    domains.DISSIMILARITY: InverseLink(_distance, _distance_slope),
}
"""The inverse link of each domain; None where the outputs themselves are the predictions."""
