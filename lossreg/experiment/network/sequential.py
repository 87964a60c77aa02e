"""Dense layers in a row, over one flat vector of weights, with their derivatives.

A step allocates and copies nothing: each layer's outputs and gradients live in buffers that are made once for each size
of batch. Weights have PyTorch's layout (outputs, inputs), its names, and the initial values of its `Linear`: weights
and biases uniform in [-1 / sqrt(inputs), 1 / sqrt(inputs)).
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
    """A layer: activation(inputs @ weight.T + bias), where `activation` is relu, tanh, sigmoid or none."""

    inputs: int
    outputs: int
    activation: str | None = None


class LayerBuffers(NamedTuple):
    """A layer at work on batches of one size: views of its weights, room for what it gives, and its compiled loops."""

    weight: NDArray[Any]
    turned: NDArray[Any]
    bias: NDArray[Any]
    grad_weight: NDArray[Any]
    grad_bias: NDArray[Any]
    outputs: NDArray[Any]
    grad: NDArray[Any]
    """Room for the gradient of what the layer is given, if another layer gives it."""
    activate: Callable[..., None]
    differentiate: Callable[..., None]


class Sequential:
    """A network of dense layers, each feeding the next; `random` draws the initial weights."""

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
        self._by_size: dict[int, list[LayerBuffers]] = {}
        self._inputs = np.empty((0, layers[0].inputs), dtype)

    def _views(self, vector: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        views, start = [], 0
        for layer in self.layers:
            middle = start + layer.inputs * layer.outputs
            stop = middle + layer.outputs
            views.append((vector[start:middle].reshape(layer.outputs, layer.inputs), vector[middle:stop]))
            start = stop
        return views

    def _for(self, rows: int) -> list[LayerBuffers]:
        found = self._by_size.get(rows)
        if found is None:
            kind = self.weights.dtype
            found = self._by_size[rows] = [
                LayerBuffers(
                    *(weight, weight.T, bias, *grads),
                    *(np.empty((rows, layer.outputs), kind), np.empty((rows if at else 0, layer.inputs), kind)),
                    *loops(*(ACTIVATIONS[layer.activation] if layer.activation else LINEAR)),
                )
                for at, (layer, (weight, bias), grads) in enumerate(
                    zip(self.layers, self._weights, self._grads, strict=True)
                )
            ]
        return found

    def forward(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Map a batch of shape (n, inputs) to (n, outputs); the next batch of n rows reuses the array."""
        self._inputs = values = inputs
        for layer in self._for(len(inputs)):
            values = values.dot(layer.turned, layer.outputs)  # the method: np.dot takes half a microsecond more
            layer.activate(values, layer.bias)
        return values

    def backward(self, grad: NDArray[Any]) -> None:
        """Fill `grads` from the gradient of the latest outputs; overwrites `grad` if the last layer is activated."""
        layers = self._for(len(grad))
        for index in range(len(layers) - 1, -1, -1):
            layer = layers[index]
            layer.differentiate(layer.outputs, grad, layer.grad_bias)
            if index:
                grad.T.dot(layers[index - 1].outputs, layer.grad_weight)
                grad = grad.dot(layer.weight, layer.grad)
            else:
                grad.T.dot(self._inputs, layer.grad_weight)
