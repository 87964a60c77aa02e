"""A schedule bound to its parameters and a number of steps: the factor on the learning rate at each step."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lossreg.definition.component import Schedule


class BoundSchedule:
    """A schedule with its parameters, for a run of `steps` steps."""

    def __init__(self, schedule: Schedule, parameters: dict[str, Any], steps: int) -> None:
        self.schedule = schedule
        self.parameters = parameters
        self.steps = steps

    def in_epoch(self, epoch: int, losses: Sequence[float]) -> Callable[[int], float]:
        """The function from a step of an epoch (from 1) to its factor; `losses` are those of the epochs before.

        A schedule that does not depend on the step is called once.
        """
        progress = {"steps": self.steps, "epoch": epoch, "losses": losses}
        arguments = {name: progress[name] for name in self.schedule.supplied if name in progress}
        function: Callable[..., float] = partial(self.schedule.function, **arguments, **self.parameters)
        if "step" in self.schedule.supplied:
            return lambda step: function(step=step)
        factor = function()
        return lambda _: factor
