"""Make the network of a config: call the function of its model with what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lossreg.criterion.criterion import Criterion

if TYPE_CHECKING:
    import numpy as np

    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.network.interface import Network


def make_network(config: Config, inputs: int, outputs: int | None, random: np.random.Generator) -> Network:
    """Make the network for rows of so many inputs and outputs; raises InvalidParameter if the model refuses them."""
    component, loss = config.model.component, config.loss
    supplied: dict[str, Any] = {"inputs": inputs, "outputs": outputs, "random": random}
    if component.boosted:
        supplied["criterion"] = Criterion(loss.component, "sum", loss.parameters)
    network: Network = component.function(*(supplied[name] for name in component.supplied), **config.model.parameters)
    return network
