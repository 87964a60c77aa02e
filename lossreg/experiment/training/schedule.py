"""The schedule at work: the factor on the learning rate for each step of an epoch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lossreg.definition.component import Schedule


class BoundSchedule:
    """A schedule with its parameters, for a run of so many steps."""

    def __init__(self, schedule: Schedule, parameters: dict[str, Any], steps: int) -> None:
        self.schedule = schedule
        self.parameters = parameters
        self.steps = steps

    def during(self, epoch: int, losses: Sequence[float]) -> Callable[[int], float]:
        """The factor by step, in an epoch (from 1) before which there were these losses.

        A schedule that does not ask for the step is called once.
        """
        progress = {"steps": self.steps, "epoch": epoch, "losses": losses}
        wanted = {name: progress[name] for name in self.schedule.supplied if name in progress}
        function: Callable[..., float] = partial(self.schedule.function, **wanted, **self.parameters)
        if "step" in self.schedule.supplied:
            return lambda step: function(step=step)
        factor = function()
        return lambda _: factor
