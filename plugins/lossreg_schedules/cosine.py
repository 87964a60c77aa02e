"""Cosine: half a cosine wave from the learning rate down to `final` times it, after a linear warm-up.

    factor = step / warmup                                       step <= warmup
           = final + (1 - final) (1 + cos(pi t)) / 2             t = (step - warmup - 1) / (steps - warmup)

`warmup` is the number of steps of the warm-up.
Source: Loshchilov, Hutter (2017), arXiv:1608.03983; without a warm-up PyTorch's CosineAnnealingLR, stepped by batch.

>>> [round(cosine.function(step, 4), 3) for step in (1, 2, 3, 4)]
[1.0, 0.854, 0.5, 0.146]
>>> [cosine.function(step, 4, warmup=2) for step in (1, 2, 3)]
[0.5, 1.0, 1.0]
"""

from math import cos, pi

from lossreg.plugin import NonNegativeInteger, Schedule, Unit, hookimpl, schedule


@schedule
def cosine(step: int, steps: int, *, final: Unit = 0.0, warmup: NonNegativeInteger = 0) -> float:
    if step <= warmup:
        return step / warmup
    done = (step - warmup - 1) / (steps - warmup)
    return final + (1 - final) * (1 + cos(pi * done)) / 2


@hookimpl
def lossreg_component() -> Schedule:
    return cosine
