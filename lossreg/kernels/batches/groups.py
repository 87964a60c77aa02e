"""Kernels of rows for groups of samples: functions for `each` that call one with the rows of a group."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


@lru_cache(256)
def function_of_three(kernel: Callable[..., Any]) -> Callable[..., None]:
    """The function for a kernel of three rows: its inputs, then its slopes."""

    def call(g: int, bounds: Any, weight: Any, given: int, rows: Any, values: Any, *settings: Any) -> None:
        own = rows[:, bounds[g] : bounds[g + 1]]
        values[g] = kernel(own[0], own[1], own[2], *settings)
        multiply(own[given], weight[g], values, g)

    return call


@lru_cache(256)
def function_of_four(kernel: Callable[..., Any]) -> Callable[..., None]:
    """The function for a kernel of four rows: its inputs, then its slopes."""

    def call(g: int, bounds: Any, weight: Any, given: int, rows: Any, values: Any, *settings: Any) -> None:
        own = rows[:, bounds[g] : bounds[g + 1]]
        values[g] = kernel(own[0], own[1], own[2], own[3], *settings)
        multiply(own[given], weight[g], values, g)

    return call


def multiply(slope: Any, weight: Any, values: Any, g: int) -> None:
    """Multiply the value of a group and its slopes by its weight; for a weight of 0 they are 0."""
    T = type(slope[0])
    values[g] = weight * values[g] if weight != 0 else T(0)
    for j in range(len(slope)):
        slope[j] = weight * slope[j] if weight != 0 else T(0)


FUNCTIONS = {3: function_of_three, 4: function_of_four}
"""By the number of rows."""
