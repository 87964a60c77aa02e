"""A network of PyTorch for `model: {name: torch, module: "configs.sweeps.residual_net:make"}`, from the top folder."""

import torch
from torch import nn


class Residual(nn.Module):
    """x + a layer with tanh."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Compute the outputs of a batch."""
        return inputs + torch.tanh(self.layer(inputs))


def make(inputs: int, outputs: int, width: int = 16, layers: int = 2) -> nn.Module:
    """Make a network with some residual layers of one width."""
    return nn.Sequential(nn.Linear(inputs, width), *(Residual(width) for _ in range(layers)), nn.Linear(width, outputs))
