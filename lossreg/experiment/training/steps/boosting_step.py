"""One round of boosting as a training step: trees fitted to the derivatives of the loss of all training rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.errors import Diverged, InvalidInput, NotResumable
from lossreg.experiment.data.given_columns import WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.network.boosted import BoostedNetwork
    from lossreg.experiment.training.prepare import PreparedRun

LARGEST = 2**30
"""The size, in bytes, up to which the checkpoint of a boosted model is read: the number of leaves is not known."""


class BoostingStep:
    """Takes the steps of a run whose model is boosted; each is a round and an epoch."""

    def __init__(self, prepared: PreparedRun, network: BoostedNetwork) -> None:
        self.network, self.examples, self.size_limit = network, prepared.train, LARGEST

    @property
    def steps(self) -> int:
        """The number of steps taken."""
        return self.network.trees.rounds

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The arrays that steps change, by name."""
        return self.network.named

    def restore(self, arrays: Mapping[str, NDArray[Any]], step: int) -> None:
        """Restore the arrays after a step; raises NotResumable if they are not those of this model."""
        try:
            self.network.restore(arrays)
        except InvalidInput as error:
            raise NotResumable(f"the checkpoint of step {step} cannot be used: {error}") from error
        if self.steps != step:
            raise NotResumable(f"expected {step} rounds in the checkpoint of step {step}, found {self.steps}")

    def take(self, _: NDArray[Any], __: float) -> None:
        """Add a round, of all training rows; raises Diverged if the derivatives of the loss are not finite."""
        targets = self.examples.targets
        assert targets is not None  # noqa: S101  the loss of a boosted model has one
        if not self.network.boost(self.examples.inputs, targets, self.examples.beside.get(WEIGHT)):
            raise Diverged(f"the derivatives of the loss are not finite in round {self.steps + 1}")

    @staticmethod
    def is_finite() -> bool:
        """Whether all weights are finite, as leaves are where the derivatives are."""
        return True
