"""The optimizer at work: an update rule compiled for one weight, run over all of a network's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.kernels.update import compile_update

if TYPE_CHECKING:
    from lossreg.component import Optimizer
    from lossreg.experiment.model import Network


class Updater:
    """Steps a network's weights along its gradients; `states` are the rule's own numbers, one vector for each."""

    def __init__(self, optimizer: Optimizer, parameters: dict[str, Any], network: Network) -> None:
        self.network = network
        self.states = tuple(np.zeros_like(network.weights) for _ in optimizer.states)
        self.steps = 0
        self._update = compile_update(optimizer, parameters)
        nothing = network.weights[:0]
        self._update(nothing, nothing, (nothing,) * len(self.states), 1)  # compiles now, and not in the first step

    def step(self) -> None:
        """Change the weights in place, by the gradients that `backward` left."""
        self.steps += 1
        self._update(self.network.weights, self.network.grads, self.states, self.steps)
