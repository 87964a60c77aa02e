"""The interfaces of networks: what the function of a model plugin returns, and all that the runner uses of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


class Network(Protocol):
    """A function from rows of inputs to rows of outputs, which is trained: what evaluation and prediction use of it.

    It is a `DifferentiableNetwork`, or a `BoostedNetwork`, which has no weights to update.
    """

    @property
    def named(self) -> Mapping[str, NDArray[np.float32]]:
        """The trained arrays by name, for checkpoints: of weights, views with their shapes."""

    def forward(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute the outputs of shape (n, outputs) for a batch of shape (n, inputs).

        The array may be overwritten by the next call with a batch of n rows.
        """


class DifferentiableNetwork(Network, Protocol):
    """A network with weights that an optimizer trains.

    However it computes its derivatives (as the dense layers here do, or with the autograd of a framework), an optimizer
    sees one vector of weights, and one of their gradients, which `backward` computes.
    """

    @property
    def weights(self) -> NDArray[np.float32]:
        """All weights in one contiguous vector, which optimizers update in place."""

    @property
    def grads(self) -> NDArray[np.float32]:
        """The gradients of all weights in one contiguous vector, in the same order."""

    def backward(self, grad: NDArray[np.float32]) -> None:
        """Compute `grads` from the gradient with respect to the outputs of the latest `forward`.

        `grad` may be overwritten.
        """


@runtime_checkable
class ExportableNetwork(Protocol):
    """A network that writes itself as ONNX. Dense layers and boosted trees need no such method."""

    def to_onnx(self) -> bytes:
        """The network as the content of an ONNX file, with one input of float32 (rows, inputs) and one output.

        Raises InvalidInput for a network that ONNX cannot express, with the reason.
        """
