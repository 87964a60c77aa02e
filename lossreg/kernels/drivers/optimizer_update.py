"""The update rule of an optimizer for one weight, as a compiled loop over all weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.definition.parameters import switches_of
from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.options import EXACT
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.drivers.compiled_loops import linker
from lossreg.kernels.loops import scalar_loops

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.component import Optimizer


def compile_update(optimizer: Optimizer, parameters: dict[str, Any]) -> Callable[..., None]:
    """Compile the function (weights, grads, states, step, factor) that updates float32 weights and states in place.

    Weights, gradients and each of the tuple of states are vectors of one length; `step` counts from 1, and `factor`
    multiplies the parameter `lr`, if the rule has one.
    """
    chosen = switches_of(optimizer.function, optimizer.parameters)
    switches = tuple(parameters[name] for name in chosen)
    numbers = {name: value for name, value in parameters.items() if name not in chosen}
    filled = {"REAL": np.float32, "STORED": len(optimizer.states)}
    name = f"{optimizer.name}_float32_{fingerprint(optimizer.function, switches)}"
    run = clone(scalar_loops.update, name, filled, linker(optimizer.function, EXACT, switches))

    rate = numbers.get("lr")

    def update(weights: Any, grads: Any, states: tuple[Any, ...], step: int, factor: float) -> None:
        if rate is not None:
            numbers["lr"] = rate * factor
        run(weights, grads, float(step), *states, *numbers.values())

    return update
