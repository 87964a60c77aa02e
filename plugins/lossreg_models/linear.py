"""Linear: each output is a weighted sum of the inputs plus a bias.

    outputs = inputs @ weight.T + bias

With a loss of real targets this is linear regression, and with cross-entropy logistic regression.
Initial values: PyTorch's, uniform in [-1 / sqrt(inputs), 1 / sqrt(inputs)).
"""

from typing import Any

from lossreg.plugin import Model, Network, hookimpl, model


@model
def linear(inputs: int, outputs: int, random: Any) -> Network:
    from lossreg.plugin import Dense, Sequential

    return Sequential([Dense(inputs, outputs)], random)


@hookimpl
def lossreg_component() -> Model:
    return linear
