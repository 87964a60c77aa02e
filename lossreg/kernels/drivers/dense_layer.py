"""Bias and activation of a dense layer, and their derivative, as compiled loops; numpy multiplies the matrices.

One pass over a batch replaces three or four: for 64 rows of 128, forward takes 1.5 microseconds instead of 13, and
backward 2.4 instead of 20.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from lossreg.kernels.compiler.fingerprint import fingerprint
from lossreg.kernels.compiler.specialize import clone
from lossreg.kernels.drivers.compiled_loops import linker
from lossreg.kernels.numerics.stable import expm1, sigmoid

if TYPE_CHECKING:
    from collections.abc import Callable

# Replaced in each clone of a template.
kernel: Any = None


def identity(x: Any) -> Any:
    """x."""
    return x


def identity_slope(y: Any) -> Any:
    """1."""
    T = type(y)
    return T(1)


def relu(x: Any) -> Any:
    """max(x, 0); nan stays nan."""
    T = type(x)
    return T(0) if x < 0 else x


def relu_slope(y: Any) -> Any:
    """1 if y > 0, else 0."""
    T = type(y)
    return T(1) if y > 0 else T(0)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent, (1 - e^-2|x|) / (1 + e^-2|x|) with the sign of x."""
    T = type(x)
    below = expm1(T(-2) * abs(x))
    value = below / (below + T(2))
    return value if x < 0 else -value


def tanh_slope(y: Any) -> Any:
    """1 - y^2."""
    T = type(y)
    return T(1) - y * y


def sigmoid_slope(y: Any) -> Any:
    """(1 - y) y."""
    T = type(y)
    return (T(1) - y) * y


LINEAR = (identity, identity_slope)
ACTIVATIONS = {"relu": (relu, relu_slope), "tanh": (tanh, tanh_slope), "sigmoid": (sigmoid, sigmoid_slope)}
"""By name: the activation as a function of x, and its derivative as a function of y, the value of the activation."""


def forward(values: Any, bias: Any) -> None:
    """Replace the values, in place, by activation(values + bias)."""
    for i in range(values.shape[0]):
        row = values[i]
        for j in range(bias.size):
            row[j] = kernel(row[j] + bias[j])


def backward(values: Any, grad: Any, grad_bias: Any) -> None:
    """Multiply `grad` in place by the activation's derivative at these values; fill `grad_bias` with column sums."""
    grad_bias[:] = 0
    for i in range(values.shape[0]):
        row, slopes = values[i], grad[i]
        for j in range(grad_bias.size):
            slopes[j] *= kernel(row[j])
            grad_bias[j] += slopes[j]


@lru_cache(1024)
def loops(function: Any, slope: Any) -> tuple[Callable[..., None], Callable[..., None]]:
    """The compiled forward and backward loops of an activation and its derivative."""
    forward_loop, backward_loop = (
        clone(template, f"{chosen.__name__}_{fingerprint(chosen)}", {}, linker(chosen))
        for template, chosen in ((forward, function), (backward, slope))
    )
    return forward_loop, backward_loop
