"""Multi-layer perceptron: dense layers, each followed by an activation except the last.

    h_0 = inputs,    h_i = activation(h_(i-1) @ weight_i.T + bias_i),    outputs = h_last @ weight.T + bias

`hidden` lists the widths of the layers between inputs and outputs; an empty list gives the linear model.
Initial values: PyTorch's, uniform in [-1 / sqrt(fan in), 1 / sqrt(fan in)).
Source: Rumelhart, Hinton, Williams (1986), doi:10.1038/323533a0.
"""

from typing import Any, Literal

from lossreg.plugin import Model, Network, PositiveInteger, hookimpl, model


@model
def mlp(
    inputs: int,
    outputs: int,
    random: Any,
    *,
    hidden: tuple[PositiveInteger, ...] = (64,),
    activation: Literal["relu", "tanh", "sigmoid"] = "relu",
) -> Network:
    from itertools import pairwise

    from lossreg.plugin import Dense, Sequential

    widths = [inputs, *hidden]
    layers = [Dense(*pair, activation) for pair in pairwise(widths)]
    return Sequential([*layers, Dense(widths[-1], outputs)], random)


@hookimpl
def lossreg_component() -> Model:
    return mlp
