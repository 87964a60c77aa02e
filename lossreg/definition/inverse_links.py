"""Inverse link functions: from the outputs of a network, which may be any number, to the predictions of a loss.

Each domain has its own: probabilities are a sigmoid or softmax of the outputs, positive numbers a softplus, and a
dissimilarity is the distance between two embeddings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

Array = Any

# numpy is imported inside functions: every plugin imports this module, and `lossreg list` imports every plugin.


class InverseLink(NamedTuple):
    """A function of the network's outputs, its derivative, and the outputs that give some predictions."""

    apply: Callable[[Array], Array]
    """outputs -> predictions"""
    differentiate: Callable[[Array, Array, Array], Array]
    """outputs, predictions, gradient with respect to the predictions -> gradient with respect to the outputs"""
    link: Callable[[Array], Array] | None = None
    """predictions -> outputs; needed for learned inputs only, which start at a prediction"""


def _sigmoid(outputs: Array) -> Array:
    import numpy as np

    return 0.5 + 0.5 * np.tanh(0.5 * outputs)  # in this form it does not overflow


def _logit(predictions: Array) -> Array:
    import numpy as np

    return np.log(predictions) - np.log1p(-predictions)


def _softplus(outputs: Array) -> Array:
    import numpy as np

    return np.logaddexp(outputs, 0)


def _inverse_softplus(predictions: Array) -> Array:
    import numpy as np

    return predictions + np.log(-np.expm1(-predictions))


def _log_softmax(outputs: Array) -> Array:
    import numpy as np

    shifted = outputs - outputs.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _log_softmax_slope(_: Array, predictions: Array, grad: Array) -> Array:
    import numpy as np

    return grad - np.exp(predictions) * grad.sum(axis=-1, keepdims=True)


def _softmax(outputs: Array) -> Array:
    import numpy as np

    return np.exp(_log_softmax(outputs))


def _softmax_slope(_: Array, predictions: Array, grad: Array) -> Array:
    return predictions * (grad - (predictions * grad).sum(axis=-1, keepdims=True))


def _distance(outputs: Array) -> Array:
    import numpy as np

    return np.linalg.norm(outputs[:, 0] - outputs[:, 1], axis=-1, keepdims=True)


def _distance_slope(outputs: Array, predictions: Array, grad: Array) -> Array:
    import numpy as np

    difference = outputs[:, 0] - outputs[:, 1]
    direction = np.divide(difference, predictions, out=np.zeros_like(difference), where=predictions > 0)
    return np.stack([grad * direction, -grad * direction], axis=1)


IDENTITY_LINK = InverseLink(lambda outputs: outputs, lambda _, __, grad: grad, lambda predictions: predictions)
SIGMOID_LINK = InverseLink(_sigmoid, lambda _, predictions, grad: grad * predictions * (1 - predictions), _logit)
SOFTPLUS_LINK = InverseLink(_softplus, lambda outputs, _, grad: grad * _sigmoid(outputs), _inverse_softplus)
SOFTMAX_LINK = InverseLink(_softmax, _softmax_slope)
LOG_SOFTMAX_LINK = InverseLink(_log_softmax, _log_softmax_slope)
DISTANCE_LINK = InverseLink(_distance, _distance_slope)


def shifted_softplus(least: float) -> InverseLink:
    """Return the inverse link of a domain of numbers above `least`: least + log(1 + e^output)."""
    return InverseLink(
        lambda outputs: least + _softplus(outputs),
        SOFTPLUS_LINK.differentiate,
        lambda predictions: _inverse_softplus(predictions - least),
    )
