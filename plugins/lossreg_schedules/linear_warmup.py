"""Linear warm-up: a linear increase to the learning rate in `warmup` steps, then a linear change to `final` times it.

    factor = step / warmup                                       step <= warmup
           = 1 + (final - 1) (step - warmup) / (steps - warmup)

By default the learning rate is constant after the warm-up; with `final: 0` the last step has a learning rate of 0.
Source: Goyal et al. (2017), arXiv:1706.02677, section 2.2.

>>> [linear_warmup.function(step, 8, warmup=4) for step in (1, 2, 4, 5, 8)]
[0.25, 0.5, 1.0, 1.0, 1.0]
>>> [linear_warmup.function(step, 8, warmup=4, final=0.0) for step in (4, 6, 8)]
[1.0, 0.5, 0.0]
"""

from lossreg.plugin import PositiveInteger, Schedule, Unit, hookimpl, schedule


@schedule
def linear_warmup(step: int, steps: int, *, warmup: PositiveInteger = 100, final: Unit = 1.0) -> float:
    if step <= warmup:
        return step / warmup
    return 1 + (final - 1) * (step - warmup) / (steps - warmup)


@hookimpl
def lossreg_component() -> Schedule:
    return linear_warmup
