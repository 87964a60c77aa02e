"""Reductions: what the sum of the values is divided by. The gradient is divided by the same number."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Divisor = Callable[[float, int, int], float]

REDUCTIONS: dict[str, Divisor] = {
    "none": lambda *_: 1.0,
    "sum": lambda *_: 1.0,
    "mean": lambda count, *_: count,
    "batchmean": lambda count, size, batch: count * batch / size if size else 0.0,
}
"""By name: the divisor, from what the elements weigh together, how many there are, and how long the first axis is.

Where every element weighs 1, batchmean's is the length of the first axis; weights and masks shrink it in proportion.
"""

DIVIDING = ("mean", "batchmean")
"""The reductions for which callers may give a denominator of their own."""
