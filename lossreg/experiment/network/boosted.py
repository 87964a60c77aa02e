"""Boosted models: networks without weights, whose outputs are a constant and the sum of trees.

A training step is a round of boosting: new trees are fitted to the first and second derivatives of the loss by the
outputs of all training rows. The library that grows the trees is behind `Trees`, the interface that a plugin
implements. Outputs are summed in float32, a round at a time, so that a resumed run continues from the same numbers.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from lossreg.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Derivatives(Protocol):
    """A loss as a function of the scores of rows, as `lossreg.bridges.boosting.ScoreObjective` is."""

    def derivatives(self, scores: Any, target: Any, weight: Any = None) -> tuple[Any, Any]:
        """Gradient and second derivative of the loss of each row, in the shape of the scores."""

    def start(self, target: Any, sample_weight: Any = None) -> Any:
        """The constant of least loss, or for a loss by row one for each class."""


class Trees(Protocol):
    """The trees of a boosted model, in rounds of one tree for each output."""

    @property
    def rounds(self) -> int:
        """The number of rounds."""

    @property
    def random_options(self) -> list[str]:
        """The options that make growing depend on random numbers which a resumed run does not have."""

    def grow(self, inputs: NDArray[np.float32], grad: NDArray[Any], hess: NDArray[Any]) -> None:
        """Add a round, fitted to derivatives of shape (n, outputs); `inputs` are the same array in every call."""

    def sums(self, inputs: NDArray[np.float32], rounds: slice) -> NDArray[Any]:
        """The sum of the trees of some consecutive rounds, of shape (n, outputs) or (n,) for a single output."""

    def dump(self) -> bytes:
        """The trees in the library's own format."""

    def load(self, content: bytes) -> None:
        """Replace the trees by those of `dump`; raises InvalidInput for content that the library refuses."""


class BoostedNetwork:
    """A constant for each output, and trees."""

    def __init__(self, objective: Derivatives, trees: Trees, outputs: int) -> None:
        self.objective, self.trees, self.outputs = objective, trees, outputs
        self.start = np.zeros(outputs, np.float32)
        self._scores: NDArray[np.float32] | None = None  # of the training rows

    @property
    def named(self) -> Mapping[str, NDArray[Any]]:
        """The constant, and the trees as bytes."""
        return {"start": self.start, "trees": np.frombuffer(self.trees.dump(), np.uint8)}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Replace constant and trees by saved ones; raises InvalidInput for others than a model of this kind has."""
        start, trees = (arrays.get(name, np.zeros(0)) for name in ("start", "trees"))
        if {*arrays} != {"start", "trees"} or start.shape != self.start.shape or trees.dtype != np.uint8:
            raise InvalidInput(f"expected start of shape {self.start.shape} and the bytes of trees, found {[*arrays]}")
        self.start = start.astype(np.float32)
        self.trees.load(trees.tobytes())
        self._scores = None

    def forward(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the outputs of a batch."""
        return self.start + self._sums(inputs, slice(0, self.trees.rounds))

    def begin(self, targets: NDArray[Any], weight: NDArray[Any] | None) -> None:
        """Begin with the constant of least loss; raises InvalidInput for a loss with derivatives that fit no trees."""
        self.start[:] = self._best_constant(targets, weight)
        self.objective.derivatives(np.tile(self.start, (len(targets), 1)), targets, weight)

    def boost(self, inputs: NDArray[np.float32], targets: NDArray[Any], weight: NDArray[Any] | None) -> bool:
        """Add a round of trees fitted to all training rows; returns False if the derivatives are not finite."""
        if self._scores is None:
            self._scores = np.tile(self.start, (len(inputs), 1))
            for number in range(self.trees.rounds):
                self._scores += self._sums(inputs, slice(number, number + 1))
        grad, hess = self.objective.derivatives(self._scores, targets, weight)
        if not (np.isfinite(grad).all() and np.isfinite(hess).all()):
            return False
        self.trees.grow(inputs, grad, hess)
        self._scores += self._sums(inputs, slice(self.trees.rounds - 1, self.trees.rounds))
        return True

    def _best_constant(self, targets: NDArray[Any], weight: NDArray[Any] | None) -> Any:
        """The constant of least loss for each output; 0 where no finite constant has the least loss."""
        with suppress(InvalidInput):
            if targets.ndim == 1:
                return self.objective.start(targets, weight)
            return [self.objective.start(column, weight) for column in targets.T]
        return 0.0

    def _sums(self, inputs: NDArray[np.float32], rounds: slice) -> NDArray[np.float32]:
        """The sum of the trees of some rounds, of shape (n, outputs)."""
        if rounds.start == rounds.stop:
            return np.zeros((len(inputs), self.outputs), np.float32)
        return np.asarray(self.trees.sums(inputs, rounds), np.float32).reshape(len(inputs), self.outputs)
