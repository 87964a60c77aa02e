"""A network of dense layers, one after another, whose weights are views of one vector.

A step allocates and copies nothing: the outputs and gradients of each layer are stored in buffers, which are allocated
once for each batch size. Weights have PyTorch's layout (outputs, inputs), its names, and the initial values of its
`Linear`: weights and biases uniform in [-1 / sqrt(inputs), 1 / sqrt(inputs)).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.kernels.drivers.dense_layer import ACTIVATIONS, LINEAR, loops

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Dense:
    """The definition of a layer: activation(inputs @ weight.T + bias), with relu, tanh, sigmoid or no activation."""

    inputs: int
    outputs: int
    activation: str | None = None


class LayerBuffers(NamedTuple):
    """A layer for one batch size: views of its weights and gradients, its buffers, and its compiled loops."""

    weight: NDArray[Any]
    weight_transposed: NDArray[Any]
    bias: NDArray[Any]
    grad_weight: NDArray[Any]
    grad_bias: NDArray[Any]
    outputs: NDArray[Any]
    grad_inputs: NDArray[Any]
    """The gradient with respect to the inputs, for all but the first layer."""
    activate: Callable[..., None]
    differentiate: Callable[..., None]


class Sequential:
    """A network of dense layers, each with the outputs of the one before as inputs.

    `random` draws the initial weights.
    """

    def __init__(self, layers: list[Dense], random: np.random.Generator, dtype: Any = np.float32) -> None:
        self.layers = layers
        size = sum((layer.inputs + 1) * layer.outputs for layer in layers)
        self.weights, self.grads = np.empty(size, dtype), np.zeros(size, dtype)
        self.named: dict[str, NDArray[Any]] = {}
        self._weights, self._grads = self._views(self.weights), self._views(self.grads)
        for index, (layer, views) in enumerate(zip(layers, self._weights, strict=True)):
            bound = 1 / sqrt(layer.inputs)
            for name, view in zip(("weight", "bias"), views, strict=True):
                view[...] = random.uniform(-bound, bound, view.shape)
                self.named[f"{index}.{name}"] = view
        self._by_batch_size: dict[int, list[LayerBuffers]] = {}
        self._inputs = np.empty((0, layers[0].inputs), dtype)

    def _views(self, vector: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        views, start = [], 0
        for layer in self.layers:
            middle = start + layer.inputs * layer.outputs
            stop = middle + layer.outputs
            views.append((vector[start:middle].reshape(layer.outputs, layer.inputs), vector[middle:stop]))
            start = stop
        return views

    def _buffers(self, rows: int) -> list[LayerBuffers]:
        found = self._by_batch_size.get(rows)
        if found is None:
            dtype = self.weights.dtype
            found = self._by_batch_size[rows] = [
                LayerBuffers(
                    *(weight, weight.T, bias, *grads),
                    *(np.empty((rows, layer.outputs), dtype), np.empty((rows if index else 0, layer.inputs), dtype)),
                    *loops(*(ACTIVATIONS[layer.activation] if layer.activation else LINEAR)),
                )
                for index, (layer, (weight, bias), grads) in enumerate(
                    zip(self.layers, self._weights, self._grads, strict=True)
                )
            ]
        return found

    def forward(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Compute the outputs of a batch; the array is overwritten by the next call with a batch of this size."""
        self._inputs = values = inputs
        for layer in self._buffers(len(inputs)):
            values = values.dot(layer.weight_transposed, layer.outputs)  # np.dot would take half a microsecond more
            layer.activate(values, layer.bias)
        return values

    def backward(self, grad: NDArray[Any]) -> None:
        """Compute `grads` from the gradient of the latest outputs; overwrites `grad` if the last layer is activated."""
        layers = self._buffers(len(grad))
        for index in range(len(layers) - 1, -1, -1):
            layer = layers[index]
            layer.differentiate(layer.outputs, grad, layer.grad_bias)
            if index:
                grad.T.dot(layers[index - 1].outputs, layer.grad_weight)
                grad = grad.dot(layer.weight, layer.grad_inputs)
            else:
                grad.T.dot(self._inputs, layer.grad_weight)
