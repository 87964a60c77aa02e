"""Siamese: one network that maps each row to an embedding, for losses that compare the rows of a pair or triplet.

    h_0 = inputs,    h_i = activation(h_(i-1) @ weight_i.T + bias_i),    embedding = h_last @ weight.T + bias

`hidden` lists the widths of the layers between inputs and embedding, and `embedding` is its length. All rows of a pair
or triplet go through the same weights.
Initial values: PyTorch's, uniform in [-1 / sqrt(fan in), 1 / sqrt(fan in)).
Source: Bromley, Guyon, LeCun, Säckinger, Shah (1993), Signature Verification using a "Siamese" Neural Network.
"""

from typing import Any, Literal

from lossreg.plugin import Model, Network, PositiveInteger, hookimpl, model


@model
def siamese(
    inputs: int,
    random: Any,
    *,
    hidden: tuple[PositiveInteger, ...] = (64,),
    embedding: PositiveInteger = 16,
    activation: Literal["relu", "tanh", "sigmoid"] = "relu",
) -> Network:
    from itertools import pairwise

    from lossreg.plugin import Dense, Sequential

    widths = [inputs, *hidden]
    layers = [Dense(*pair, activation) for pair in pairwise(widths)]
    return Sequential([*layers, Dense(widths[-1], embedding)], random)


@hookimpl
def lossreg_component() -> Model:
    return siamese
