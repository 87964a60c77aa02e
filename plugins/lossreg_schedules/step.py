"""Step: multiply the learning rate by `factor` after every `every` epochs.

    factor^floor((epoch - 1) / every)

Source: PyTorch's StepLR, with gamma as factor and step_size as every.

>>> [step.function(epoch, every=2, factor=0.5) for epoch in (1, 2, 3, 4, 5)]
[1.0, 1.0, 0.5, 0.5, 0.25]
"""

from lossreg.plugin import Positive, PositiveInteger, Schedule, hookimpl, schedule


@schedule
def step(epoch: int, *, every: PositiveInteger = 10, factor: Positive = 0.1) -> float:
    return float(factor ** ((epoch - 1) // every))


@hookimpl
def lossreg_component() -> Schedule:
    return step
