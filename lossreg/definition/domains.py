"""Domains: the sets of numbers that arguments of kernels may have.

A domain's `contains` is branch-free Python, so that one definition serves numbers, numpy arrays, 60-digit numbers and
compiled loops. Its inverse link maps the outputs of a network, which may be any numbers, to predictions of the domain:
probabilities are a sigmoid or softmax of them, positive numbers a softplus, a dissimilarity the distance of embeddings.
"""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Domain:
    """A set of numbers: its name, a description, a membership test, an example, and the task of a target from it.

    `inverse_link` makes numbers of the domain from the outputs of a network, which may be any numbers. Predictions of a
    domain without bounds need none. `contains` is compiled, so it is a plain function of one number.
    """

    name: str
    description: str
    contains: Callable[[Any], Any]
    example: float
    task: str = ""
    integer: bool = False
    inverse_link: InverseLink | None = None
    interval: bool = False
    """Whether it has all numbers between any two of its numbers, so that the least and the largest decide."""

    @property
    def predictable(self) -> bool:
        """Whether the outputs of a network can be made numbers of the domain."""
        return self.inverse_link is not None or not (self.bounded or self.integer)

    @property
    def bounded(self) -> bool:
        """Whether there are numbers outside it."""
        return self.contains is not anything

    def __repr__(self) -> str:
        return self.name


def anything(x: Any) -> Any:
    """Whether it is a number; false for nan."""
    return x == x  # noqa: PLR0124  nan is in no domain, and differs from itself


def _finite(x: Any) -> Any:
    return (x > -INFINITY) & (x < INFINITY)


def _finite_positive(x: Any) -> Any:
    return (x > 0) & (x < INFINITY)


def _finite_non_negative(x: Any) -> Any:
    return (x >= 0) & (x < INFINITY)


def _zero_or_one(x: Any) -> Any:
    return (x == 0) | (x == 1)


def _positive(x: Any) -> Any:
    return x > 0


def _non_negative(x: Any) -> Any:
    return x >= 0


def _unit(x: Any) -> Any:
    return (x >= 0) & (x <= 1)


def _below_one(x: Any) -> Any:
    return (x >= 0) & (x < 1)


def _at_least_one(x: Any) -> Any:
    return x >= 1


def _sign(x: Any) -> Any:
    return (x == 1) | (x == -1)


def _not_empty(x: Any) -> Any:
    return x != ()


def _increasing(x: Any) -> Any:
    return len(x) > 0 and all(0 < low < high for low, high in zip(x, [*x[1:], INFINITY], strict=True))


INFINITY = float("inf")

REAL = Domain("Real", "any number", anything, 0.5, "regression")
POSITIVE = Domain("Positive", "above 0", _positive, 0.5, "regression", inverse_link=SOFTPLUS_LINK, interval=True)
NON_NEGATIVE = Domain(
    "NonNegative", "0 or above", _non_negative, 0.5, "counts", inverse_link=SOFTPLUS_LINK, interval=True
)
FINITE_POSITIVE = Domain(
    "FinitePositive",
    "above 0 and finite",
    _finite_positive,
    0.5,
    "regression",
    inverse_link=SOFTPLUS_LINK,
    interval=True,
)
FINITE_NON_NEGATIVE = Domain(
    "FiniteNonNegative",
    "0 or above and finite",
    _finite_non_negative,
    0.5,
    "counts",
    inverse_link=SOFTPLUS_LINK,
    interval=True,
)
UNIT = Domain("Unit", "0 to 1", _unit, 0.5, "binary classification", inverse_link=SIGMOID_LINK, interval=True)
SIGN = Domain("Sign", "1 or -1", _sign, 1.0, "signed binary")
PROBABILITY = Domain(
    "Probability",
    "0 or above, summing to 1",
    _non_negative,
    0.5,
    "distributions",
    inverse_link=SOFTMAX_LINK,
    interval=True,
)
LOG_PROBABILITY = Domain(
    "LogProbability", "logarithms of probabilities", anything, -0.5, "distributions", inverse_link=LOG_SOFTMAX_LINK
)
DISSIMILARITY = Domain(
    "Dissimilarity",
    "a distance: any number, smaller for closer",
    anything,
    0.5,
    "embedding",
    inverse_link=DISTANCE_LINK,
)
CLASS_INDEX = Domain("ClassIndex", "an integer from 0 to classes - 1", anything, 1, "classification", integer=True)
PADDED_CLASS_INDEX = Domain(
    "PaddedClassIndex", "classes, and -1 after the last", anything, -1, "multi-label classification", integer=True
)
FINITE = Domain("Finite", "a finite number", _finite, 1.0, "regression", inverse_link=IDENTITY_LINK, interval=True)
EVENT = Domain("Event", "1 for an observed event, 0 for a censored one", _zero_or_one, 1, integer=True)
INTEGER = Domain("Integer", "an integer", anything, 1, integer=True)
FRACTION = Domain("Fraction", "from 0 to below 1", _below_one, 0.5, interval=True)
POSITIVE_INTEGER = Domain("PositiveInteger", "an integer, 1 or above", _at_least_one, 1, integer=True)
NON_NEGATIVE_INTEGER = Domain(
    "NonNegativeInteger", "an integer, 0 or above", _non_negative, 0, integer=True, interval=True
)
SYMBOL = Domain("Symbol", "a class, up to the end of the sequence", anything, 1, "sequences", integer=True)
INTEGERS = Domain("Integers", "an integer, or a list of integers", _not_empty, 1, integer=True)
INCREASING_INTEGERS = Domain(
    "IncreasingIntegers", "a list of integers above 0, each larger than the one before", _increasing, 1, integer=True
)
