"""Constant: the optimizer's learning rate, from the first step to the last.

    factor = 1

>>> constant.function()
1.0
"""

from lossreg import Schedule, hookimpl, schedule


@schedule
def constant() -> float:
    return 1.0


@hookimpl
def lossreg_schedule() -> Schedule:
    return constant
