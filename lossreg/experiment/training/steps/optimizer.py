"""An optimizer bound to its parameters and a network: the update rule of one weight, compiled to run over all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.drivers.optimizer_update import compile_update

if TYPE_CHECKING:
    from lossreg.definition.component import Optimizer
    from lossreg.experiment.network.interface import DifferentiableNetwork
    from lossreg.experiment.training.learned import LearnedInputs


class BoundOptimizer:
    """Updates the weights of a network, or learned inputs, from their gradients.

    `states` has a vector for each state of the rule; `prefix` is what their names in checkpoints begin with.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        parameters: dict[str, Any],
        network: DifferentiableNetwork | LearnedInputs,
        prefix: str = "optimizer.",
    ) -> None:
        self.prefix = prefix
        self.network = network
        self._names = optimizer.states
        self.states = tuple(np.zeros_like(network.weights) for _ in optimizer.states)
        self.steps = 0
        self._update = compile_update(optimizer, parameters)
        empty = network.weights[:0]
        self._update(empty, empty, (empty,) * len(self.states), 1, 1.0)  # compile now rather than in the first step

    @property
    def named(self) -> dict[str, Any]:
        """The states by name, for checkpoints."""
        return dict(zip((self.prefix + name for name in self._names), self.states, strict=True))

    def step(self, factor: float = 1.0) -> None:
        """Update the weights in place, from the network's gradients and `factor` times the learning rate."""
        self.steps += 1
        self._update(self.network.weights, self.network.grads, self.states, self.steps, factor)
