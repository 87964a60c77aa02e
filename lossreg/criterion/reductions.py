"""The built-in reductions: the divisor of the sum of the values, which is also the divisor of the gradients.

All other reductions are plugins; see `lossreg.criterion.reduction_plugins`.
"""

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
"""By name: the divisor as a function of the sum of the weights, the number of elements and the size of the first axis.

If every weight is 1, that of batchmean is the size of the first axis; weights and masks reduce it in proportion.
"""

DIVIDING = ("mean", "batchmean")
"""The reductions for which a caller may pass a denominator."""
