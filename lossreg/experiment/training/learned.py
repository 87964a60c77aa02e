"""The learned inputs of a loss, such as a temperature or the centres of classes: trained beside the network.

The optimizer updates one vector of numbers that may be anything. The inverse link of each input's domain makes its
value of them, so that a temperature stays above 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lossreg.definition.signature import Input

PREFIX = "loss."
"""What the names of learned inputs begin with, among the arrays of a run."""


class LearnedInputs:
    """Learned inputs with their current values; `weights` and `grads` are as of a network."""

    def __init__(self, entries: Sequence[Input], sizes: Mapping[str, int], random: np.random.Generator) -> None:
        self.entries = tuple(entries)
        initial = [unlinked(entry, entry.initial_value(random, sizes)) for entry in self.entries]
        self.weights: NDArray[np.float32] = np.concatenate([x.ravel() for x in initial] or [[]]).astype(np.float32)
        self.grads = np.zeros_like(self.weights)
        self.views, self.grad_views = (views(vector, initial) for vector in (self.weights, self.grads))

    @property
    def named(self) -> dict[str, NDArray[np.float32]]:
        """Views of what the optimizer updates, by name, for checkpoints, whose files have no 0-d arrays."""
        return {PREFIX + entry.name: np.atleast_1d(view) for entry, view in zip(self.entries, self.views, strict=True)}

    def values(self) -> dict[str, Any]:
        """The value of each input, by name."""
        found = {}
        for entry, view in zip(self.entries, self.views, strict=True):
            link = entry.domain.inverse_link
            found[entry.name] = link.apply(view) if link else view
        return found

    def backward(self, values: Mapping[str, Any], grads: Mapping[str, Any]) -> None:
        """Fill `grads` from the gradients with respect to the values."""
        for entry, view, grad in zip(self.entries, self.views, self.grad_views, strict=True):
            link, name = entry.domain.inverse_link, entry.name
            grad[...] = link.differentiate(view, values[name], grads[name]) if link else grads[name]

    def final(self) -> dict[str, NDArray[np.float32]]:
        """The values by the names that they have among the final weights."""
        return {PREFIX + name: np.atleast_1d(np.asarray(value, np.float32)) for name, value in self.values().items()}

    def reported(self) -> dict[str, float]:
        """The values of those that are a single number, for the record of an epoch."""
        return {name: float(value) for name, value in self.values().items() if np.size(value) == 1}


def unlinked(entry: Input, value: Any) -> Any:
    """The numbers of which the inverse link makes a value; raises InvalidParameter for a value outside the domain."""
    link = entry.domain.inverse_link
    if not np.all(entry.domain.contains(value)):
        raise InvalidParameter(f"{entry.name}: expected an initial value {entry.domain.description}; got {value}")
    if link is None:
        return value
    if link.link is None:
        raise InvalidParameter(
            f"{entry.name}: the inverse link of {entry.domain} has no inverse, so it cannot be learned"
        )
    return link.link(value)


def views(vector: Any, like: Sequence[Any]) -> list[Any]:
    """Parts of a vector in the shapes of some arrays."""
    found, start = [], 0
    for x in like:
        found.append(vector[start : start + x.size].reshape(x.shape))
        start += x.size
    return found
