"""Autoencoder: reconstructs its inputs from a layer too narrow to copy them.

    inputs -> hidden ... -> code -> ... hidden -> inputs

`hidden` lists the widths of the layers between inputs and code, which are repeated in reverse order after the code.
Each is followed by an activation; the code and the outputs are not. The targets are the inputs, and the targets of the
data are not used.
Initial values: PyTorch's, uniform in [-1 / sqrt(fan in), 1 / sqrt(fan in)).
Source: Hinton, Salakhutdinov (2006), doi:10.1126/science.1127647.
"""

from typing import Any, Literal

from lossreg.plugin import Model, Network, PositiveInteger, hookimpl, model


@model
def autoencoder(
    inputs: int,
    random: Any,
    *,
    hidden: tuple[PositiveInteger, ...] = (64,),
    code: PositiveInteger = 8,
    activation: Literal["relu", "tanh", "sigmoid"] = "relu",
) -> Network:
    from lossreg.plugin import Dense, Sequential

    layers, width = [], inputs
    for half, last in ((hidden, code), (hidden[::-1], inputs)):
        for following in half:
            layers.append(Dense(width, following, activation))
            width = following
        layers.append(Dense(width, last))
        width = last
    return Sequential(layers, random)


@hookimpl
def lossreg_component() -> Model:
    return autoencoder
