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

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Activation(NamedTuple):
    """A function of each output, and its derivative as a function of the value; both work in place."""

    apply: Any
    """(values): replaces them"""
    differentiate: Any
    """(values, grad, scratch): multiplies `grad` by the derivative"""


def _relu(values: Any) -> None:
    np.maximum(values, 0, out=values)


def _relu_slope(values: Any, grad: Any, scratch: Any) -> None:
    np.sign(values, out=scratch)  # 0 or 1, since no value is negative
    np.multiply(grad, scratch, out=grad)


def _tanh(values: Any) -> None:
    np.tanh(values, out=values)


def _tanh_slope(values: Any, grad: Any, scratch: Any) -> None:
    np.multiply(values, values, out=scratch)
    np.subtract(1, scratch, out=scratch)
    np.multiply(grad, scratch, out=grad)


def _sigmoid(values: Any) -> None:
    np.multiply(values, 0.5, out=values)  # by way of tanh, which does not overflow
    np.tanh(values, out=values)
    np.multiply(values, 0.5, out=values)
    np.add(values, 0.5, out=values)


def _sigmoid_slope(values: Any, grad: Any, scratch: Any) -> None:
    np.subtract(1, values, out=scratch)
    np.multiply(scratch, values, out=scratch)
    np.multiply(grad, scratch, out=grad)


ACTIVATIONS = {
    "relu": Activation(_relu, _relu_slope),
    "tanh": Activation(_tanh, _tanh_slope),
    "sigmoid": Activation(_sigmoid, _sigmoid_slope),
}


@dataclass(frozen=True)
class Dense:
    """A layer: activation(inputs @ weight.T + bias), where `activation` is relu, tanh, sigmoid or none."""

    inputs: int
    outputs: int
    activation: str | None = None


class Buffers(NamedTuple):
    """What one layer needs for a batch of one size: its outputs, their gradient, and room to work."""

    outputs: NDArray[Any]
    grad: NDArray[Any]
    scratch: NDArray[Any]


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
        self._buffers: dict[int, list[Buffers]] = {}
        self._inputs = np.empty((0, layers[0].inputs), dtype)

    def _views(self, vector: NDArray[Any]) -> list[tuple[NDArray[Any], NDArray[Any]]]:
        views, start = [], 0
        for layer in self.layers:
            middle = start + layer.inputs * layer.outputs
            stop = middle + layer.outputs
            views.append((vector[start:middle].reshape(layer.outputs, layer.inputs), vector[middle:stop]))
            start = stop
        return views

    def _buffers_for(self, rows: int) -> list[Buffers]:
        if rows not in self._buffers:
            shapes = [(rows, layer.outputs) for layer in self.layers]
            kind = self.weights.dtype
            self._buffers[rows] = [Buffers(*(np.empty(shape, kind) for _ in Buffers._fields)) for shape in shapes]
        return self._buffers[rows]

    def forward(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Map a batch of shape (n, inputs) to (n, outputs); the next batch of n rows reuses the array."""
        self._inputs = values = inputs
        for layer, (weight, bias), buffers in zip(
            self.layers,
            self._weights,
            self._buffers_for(len(inputs)),
            strict=True,
        ):
            values = np.dot(values, weight.T, out=buffers.outputs)
            np.add(values, bias, out=values)
            if layer.activation:
                ACTIVATIONS[layer.activation].apply(values)
        return values

    def backward(self, grad: NDArray[Any]) -> None:
        """Fill `grads` from the gradient of the latest outputs; overwrites `grad` if the last layer is activated."""
        buffers = self._buffers[len(grad)]
        for index in range(len(self.layers) - 1, -1, -1):
            activation = self.layers[index].activation
            if activation:
                ACTIVATIONS[activation].differentiate(buffers[index].outputs, grad, buffers[index].scratch)
            grad_weight, grad_bias = self._grads[index]
            np.dot(grad.T, buffers[index - 1].outputs if index else self._inputs, out=grad_weight)
            np.add.reduce(grad, axis=0, out=grad_bias)
            if index:
                grad = np.dot(grad, self._weights[index][0], out=buffers[index - 1].grad)
