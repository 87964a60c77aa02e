"""Mean and variance: a multi-layer perceptron that predicts the mean of each target and its uncertainty.

    h_0 = inputs,    h_i = activation(h_(i-1) @ weight_i.T + bias_i),    mean, v = h_last @ weight.T + bias

The loss gets softplus(v) as the variance, because a variance is at least 0. The weights of v start at 0, so that at
first every row has the same variance and the means are fitted as in least squares.
Initial values of the others: PyTorch's, uniform in [-1 / sqrt(fan in), 1 / sqrt(fan in)).
Source: Nix and Weigend (1994), doi:10.1109/ICNN.1994.374138.
"""

from typing import Any, Literal

from lossreg.plugin import InvalidParameter, Model, Network, PositiveInteger, hookimpl, model


@model
def mean_variance(
    inputs: int,
    outputs: int,
    random: Any,
    *,
    hidden: tuple[PositiveInteger, ...] = (64,),
    activation: Literal["relu", "tanh", "sigmoid"] = "relu",
) -> Network:
    from itertools import pairwise

    from lossreg.plugin import Dense, Sequential

    if outputs % 2:
        raise InvalidParameter(
            f"mean_variance predicts a mean and a variance for each target, but the loss takes {outputs} predictions"
        )
    widths = [inputs, *hidden]
    layers = [Dense(*pair, activation) for pair in pairwise(widths)]
    network = Sequential([*layers, Dense(widths[-1], outputs)], random)
    for kind in ("weight", "bias"):
        network.named[f"{len(layers)}.{kind}"][outputs // 2 :] = 0
    return network


@hookimpl
def lossreg_component() -> Model:
    return mean_variance
