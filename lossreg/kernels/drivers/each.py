"""What batch kernels call for every sample: a loop that is compiled.

What compiles is imported when something runs: plugins import this module, and `lossreg list` imports every plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


def each(function: Callable[..., None], count: int, *operands: Any) -> None:
    """Call `function(i, *operands)` for every i below `count`, compiled, in as many threads as there is work for.

    The operands are numbers and arrays, some of which it fills, and Scratch. Like a kernel, the function may call those
    of lossreg.kernels.numerics.stable and of its own module. Calls for different i may run at the same time.
    """
    from lossreg.kernels.drivers.sample_loop import run_each

    run_each(function, count, operands)
