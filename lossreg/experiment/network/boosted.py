"""Boosted models: networks without weights, whose outputs are a constant and the sum of trees.

A training step is a round of boosting: new trees are fitted to the first and second derivatives of the loss by the
outputs of all training rows. The library that grows the trees is behind `Trees`, the interface that a plugin
implements.

Rounds are summed in blocks of ROUNDS, and the outputs are the constant plus these sums, added in order in float32.
Training and evaluation keep the total of the full blocks for each set of rows, so that each later round computes the
trees of the last block only. A resumed run and a loaded model add the same numbers in the same order, and get the same
bits.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from lossreg.errors import InvalidInput, InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray


ROUNDS = 16
"""How many rounds the library sums in a call: a call takes up to half a millisecond even for one row and one round."""


class Derivatives(Protocol):
    """A loss as a function of the scores of rows, as `lossreg.bridges.boosting.score_objective.ScoreObjective` is."""

    def derivatives(self, scores: Any, target: Any, weight: Any = None) -> tuple[Any, Any]:
        """Gradient and second derivative of the loss of each row, in the shape of the scores."""

    def start(self, target: Any, sample_weight: Any = None) -> Any:
        """The constant of least loss, or for a loss by row one for each class."""


class Tree(NamedTuple):
    """A tree for one output: its nodes, of which the first is the root.

    A leaf has the feature -1, and its value in `values`; any other node has the threshold of its feature there, and
    the positions of two other nodes.
    """

    output: int
    features: NDArray[np.int64]
    values: NDArray[Any]
    left: NDArray[np.int64]
    right: NDArray[np.int64]


class Rows(Protocol):
    """Rows of inputs, as `lossreg.experiment.training.examples.InputRows` has them."""

    def take(self, examples: Any, out: Any = None) -> NDArray[np.float32]:
        """The inputs of some rows, given by a slice."""


class Trees(Protocol):
    """The trees of a boosted model, in rounds of one tree for each output."""

    @property
    def strict(self) -> bool:
        """Whether a number goes left if it is less than the threshold; otherwise it goes left if it equals it, too."""

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

    def trees(self) -> list[Tree]:
        """All trees; raises InvalidInput for trees that compare a feature by more than a threshold."""

    def dump(self) -> bytes:
        """The trees in the library's own format."""

    def load(self, content: bytes) -> None:
        """Replace the trees by those of `dump`; raises InvalidInput for content that the library refuses."""


class BoostedNetwork:
    """A constant for each output, and trees."""

    def __init__(self, objective: Derivatives, trees: Trees, outputs: int) -> None:
        self.objective, self.trees, self.width = objective, trees, outputs
        self.start = np.zeros(outputs, np.float32)
        self._running: WeakKeyDictionary[Rows, RunningScores] = WeakKeyDictionary()

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
        self._running.clear()

    def forward(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the outputs of a batch."""
        return RunningScores(inputs).outputs(self)

    def outputs(self, rows: Rows) -> NDArray[np.float32]:
        """The outputs for all of some rows, computed from those after an earlier round while the rows exist."""
        return self._running_of(rows).outputs(self)

    def _running_of(self, rows: Rows) -> RunningScores:
        found = self._running.get(rows)
        if found is None:
            found = self._running[rows] = RunningScores(rows.take(slice(None)))
        return found

    def begin(self, targets: NDArray[Any], weight: NDArray[Any] | None) -> None:
        """Begin with the constant of least loss; raises InvalidInput for a loss with derivatives that fit no trees."""
        self.start[:] = self._best_constant(targets, weight)
        self._running.clear()
        self.objective.derivatives(np.tile(self.start, (len(targets), 1)), targets, weight)

    def boost(self, rows: Rows, targets: NDArray[Any], weight: NDArray[Any] | None) -> bool:
        """Add a round of trees fitted to all training rows; returns False if the derivatives are not finite."""
        grad, hess = self.objective.derivatives(self.outputs(rows), targets, weight)
        if not (np.isfinite(grad).all() and np.isfinite(hess).all()):
            return False
        self.trees.grow(self._running_of(rows).inputs, grad, hess)
        return True

    def _best_constant(self, targets: NDArray[Any], weight: NDArray[Any] | None) -> Any:
        """The constant of least loss for each output; 0 where no finite constant has the least loss."""
        with suppress(InvalidInput):
            if targets.ndim == 1:
                return self.objective.start(targets, weight)
            return [self.objective.start(column, weight) for column in targets.T]
        return 0.0

    def sums(self, inputs: NDArray[np.float32], rounds: slice) -> NDArray[np.float32]:
        """The sum of the trees of some rounds, of shape (n, outputs)."""
        return np.asarray(self.trees.sums(inputs, rounds), np.float32).reshape(len(inputs), self.width)


class RunningScores:
    """The outputs of a boosted network for the same rows, round after round."""

    def __init__(self, inputs: NDArray[np.float32]) -> None:
        self.inputs = inputs
        self.full: NDArray[np.float32] | None = None  # the constant and the full blocks of rounds
        self.rounds = 0  # how many rounds are in these blocks
        self.latest: tuple[int, NDArray[np.float32]] | None = None

    def outputs(self, network: BoostedNetwork) -> NDArray[np.float32]:
        """The outputs after all rounds that the network has."""
        if self.full is None:
            self.full = np.tile(network.start, (len(self.inputs), 1))
        rounds = network.trees.rounds
        if self.latest and self.latest[0] == rounds:
            return self.latest[1]
        while self.rounds + ROUNDS <= rounds:
            self.full += network.sums(self.inputs, slice(self.rounds, self.rounds + ROUNDS))
            self.rounds += ROUNDS
        outputs = self.full.copy()
        if self.rounds < rounds:
            outputs += network.sums(self.inputs, slice(self.rounds, rounds))
        self.latest = rounds, outputs
        return outputs


def with_options(own: dict[str, Any], options: Mapping[str, Any] | None, reserved: Iterable[str]) -> dict[str, Any]:
    """The parameters of a library: those that a model sets, and the options that a config adds.

    Raises InvalidParameter for an option that the model sets itself, or reserves, by any of its names.
    """
    for name in options or {}:
        if name in {*own, *reserved}:
            raise InvalidParameter(f"options: {name} is not one of the options; the model sets it itself")
    return {**own, **(options or {})}
