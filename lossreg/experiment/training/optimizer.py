"""The optimizer at work: an update rule compiled for one weight, run over all of a network's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.drivers.optimizer_update import compile_update

if TYPE_CHECKING:
    from lossreg.definition.component import Optimizer
    from lossreg.experiment.network.interface import Network


class BoundOptimizer:
    """Steps a network's weights along its gradients; `states` are the rule's own numbers, one vector for each."""

    def __init__(self, optimizer: Optimizer, parameters: dict[str, Any], network: Network) -> None:
        self.network = network
        self._names = optimizer.states
        self.states = tuple(np.zeros_like(network.weights) for _ in optimizer.states)
        self.steps = 0
        self._update = compile_update(optimizer, parameters)
        nothing = network.weights[:0]
        self._update(nothing, nothing, (nothing,) * len(self.states), 1, 1.0)  # compiles now, and not in the first step

    @property
    def named(self) -> dict[str, Any]:
        """The states by name, for saving."""
        return dict(zip((f"optimizer.{name}" for name in self._names), self.states, strict=True))

    def step(self, factor: float = 1.0) -> None:
        """Change the weights in place, by the gradients that `backward` left and `factor` times the learning rate."""
        self.steps += 1
        self._update(self.network.weights, self.network.grads, self.states, self.steps, factor)
