"""What a model's function returns, and all that training knows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


class Network(Protocol):
    """Something with weights that maps rows of inputs to rows of outputs.

    Whoever differentiates (the layers here, or a framework's autograd behind this protocol), an optimizer sees one
    flat vector of weights, and one of gradients that `backward` has filled.
    """

    @property
    def weights(self) -> NDArray[np.float32]:
        """Every weight, in one contiguous vector; optimizers change it in place."""

    @property
    def grads(self) -> NDArray[np.float32]:
        """The gradient of every weight, likewise."""

    @property
    def named(self) -> Mapping[str, NDArray[np.float32]]:
        """Views of the weights, by name and in shape, for saving."""

    def forward(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Map a batch of shape (n, inputs) to (n, outputs); the next batch of n rows may reuse the array."""

    def backward(self, grad: NDArray[np.float32]) -> None:
        """Fill `grads`, given the gradient of the outputs of the latest `forward`; `grad` may be overwritten."""
