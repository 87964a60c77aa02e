"""Plateau: multiply the learning rate by `factor` whenever the loss has not improved for more than `patience` epochs.

    max(factor^(number of such times), least)

The loss is that of the validation rows, or of the training rows if there are none. It has improved if it is lower than
the best so far by more than the fraction `threshold` of the best.
Source: PyTorch's ReduceLROnPlateau, with min_lr given as the fraction `least` of the learning rate.

>>> [plateau.function([3.0, 2.0, 2.0, 2.0][:epochs], patience=1, factor=0.5) for epochs in (0, 2, 3, 4)]
[1.0, 1.0, 1.0, 0.5]
"""

from collections.abc import Sequence
from math import inf

from lossreg.plugin import Fraction, NonNegativeInteger, Schedule, Unit, hookimpl, schedule


@schedule
def plateau(
    losses: Sequence[float],
    *,
    factor: Fraction = 0.1,
    patience: NonNegativeInteger = 10,
    threshold: Fraction = 1e-4,
    least: Unit = 0.0,
) -> float:
    best, waited, times = inf, 0, 0
    for loss in losses:
        improves = loss < best - threshold * abs(best) if best < inf else loss < inf
        best, waited = (loss, 0) if improves else (best, waited + 1)
        if waited > patience:
            waited, times = 0, times + 1
    return max(factor**times, least)


@hookimpl
def lossreg_component() -> Schedule:
    return plateau
