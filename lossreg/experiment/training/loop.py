"""Training: the steps of a session, in epochs, and how far they are."""

from __future__ import annotations

from math import isnan
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.errors import Diverged, NotResumable
from lossreg.experiment.storage.checkpoint import Checkpoint
from lossreg.experiment.storage.records import TIMES, Record
from lossreg.experiment.training.schedule import BoundSchedule
from lossreg.experiment.training.step import TrainingStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lossreg.experiment.training.interrupts import InterruptHandler
    from lossreg.experiment.training.prepare import PreparedRun

SECONDS, STEPS = 10.0, 100
"""How old the last checkpoint may become, unless the config says how often there is one, and how often to look."""


class TrainingLoop:
    """A session at work, and how far it is: a record of each epoch, its watched loss, and the index of the best."""

    def __init__(self, session: PreparedRun) -> None:
        config = session.config
        self.session = session
        self.history: list[Record] = []
        self.losses: list[float] = []
        self.best = -1
        self.descent = TrainingStep(session)
        self.rate = BoundSchedule(config.schedule.component, config.schedule.parameters, session.steps)
        self.order = (0, np.arange(0))
        self.champion: Checkpoint | None = None
        self.saved = perf_counter()
        self.seconds, self.seen = 0.0, 0

    @property
    def step(self) -> int:
        """The number of steps taken."""
        return self.descent.updater.steps

    @property
    def epoch(self) -> int:
        """The number of epochs begun."""
        return -(-self.step // self.session.steps_per_epoch)

    @property
    def between_epochs(self) -> bool:
        """Whether the last step ended an epoch, or the run."""
        return self.step % self.session.steps_per_epoch == 0 or self.step == self.session.steps

    @property
    def done(self) -> bool:
        """Whether all steps have been taken, or the loss has not fallen for so long that training stops early."""
        patience = self.session.config.train.patience
        waited = len(self.history) - 1 - self.best if self.history else 0
        return self.step >= self.session.steps or (patience is not None and waited >= patience)

    @property
    def due(self) -> bool:
        """Whether there has to be a checkpoint now."""
        steps, epochs = self.session.config.train.checkpoint_steps, self.session.config.train.checkpoint_epochs
        if steps is None and epochs is None:
            return self.done or perf_counter() - self.saved >= SECONDS
        by_step = steps is not None and self.step % steps == 0
        by_epoch = epochs is not None and self.between_epochs and self.epoch % epochs == 0
        return self.done or by_step or by_epoch

    def advance(self, signals: InterruptHandler) -> None:
        """Take steps until there is something else to do: the end of an epoch, a checkpoint, a signal.

        Raises Diverged at a loss that is no finite number, and after the last of these steps for such weights.
        """
        session, step = self.session, self.step
        epoch, taken = divmod(step, session.steps_per_epoch)
        if self.order[0] != epoch + 1:
            self.order = (epoch + 1, session.order(epoch + 1))
        every = session.config.train.checkpoint_steps or STEPS
        count = min(session.steps_per_epoch - taken, session.steps - step, every - step % every)
        factor, descend, size = self.rate.during(epoch + 1, self.losses), self.descent.step, session.examples_per_step
        examples = self.order[1][taken * size : (taken + count) * size]
        started = perf_counter()
        for start in range(0, len(examples), size):
            step += 1
            descend(examples[start : start + size], factor(step))
            if signals.received:
                break
        self.seconds += perf_counter() - started
        self.seen += min(start + size, len(examples))
        if not np.isfinite(session.network.weights).all():
            raise Diverged(f"weights are no longer finite after step {step}, in epoch {epoch + 1}")

    def measure(self) -> Record:
        """Give the record of an epoch: its number and that of steps, metrics of each part's rows, and time.

        `seconds` is what the epoch's steps took, of those that this process has taken, without the evaluation; all
        rows of all parts are evaluated alike, after the epoch.
        """
        record: Record = {"epoch": self.epoch, "step": self.step}
        for name, part in self.session.parts.items():
            measured = self.session.measure(self.session.network, part)
            record |= {f"{name}_{key}": value for key, value in measured.items()}
        self.history.append(record)
        self.losses.append(record[self.session.watched])
        if self.best < 0 or best([self.losses[self.best], self.losses[-1]]):
            self.best = len(self.losses) - 1
        times = (self.seconds, self.seen / self.seconds)
        self.seconds, self.seen = 0.0, 0
        return record | dict(zip(TIMES, times, strict=True))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """The numbers that steps change, by name: the weights, and those of the optimizer."""
        return {**self.session.network.named, **self.descent.updater.named}

    def state(self, sizes: Mapping[str, int]) -> Checkpoint:
        """Give what a checkpoint holds, now that the logs have these sizes."""
        return Checkpoint(self.step, {name: array.copy() for name, array in self.arrays.items()}, sizes)

    def restore(self, state: Checkpoint, history: Sequence[Record]) -> None:
        """Go back to where a checkpoint was taken; raises NotResumable if it was taken of something else."""
        if not all(self.session.watched in record for record in history):
            raise NotResumable(f"expected {self.session.watched} in the metrics until step {state.step}, found none")
        for name, array in self.arrays.items():
            saved = state.arrays.get(name)
            if saved is None or saved.shape != array.shape:
                found = "none" if saved is None else saved.shape
                raise NotResumable(f"expected {name} of shape {array.shape} after step {state.step}, found {found}")
            array[...] = saved
        self.descent.updater.steps = state.step
        self.history = list(history)
        self.losses = [record[self.session.watched] for record in history]
        self.best = best(self.losses)


def best(losses: Sequence[float]) -> int:
    """The index of the first of the lowest; nan is higher than any number."""
    return min(range(len(losses)), key=lambda index: (isnan(losses[index]), losses[index]), default=-1)
