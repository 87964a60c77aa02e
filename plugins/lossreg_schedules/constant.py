"""Constant: the optimizer's learning rate, from the first step to the last.

    factor = 1

>>> constant.function()
1.0
"""

from lossreg.plugin import Schedule, hookimpl, schedule


@schedule
def constant() -> float:
    return 1.0


@hookimpl
def lossreg_component() -> Schedule:
    return constant
