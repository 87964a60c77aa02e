"""The training loop: the steps of a run in epochs, the metrics of each epoch, and the state that a checkpoint holds."""

from __future__ import annotations

from math import inf, isnan
from time import perf_counter
from typing import TYPE_CHECKING, cast

import numpy as np

from lossreg.errors import Diverged, NotResumable
from lossreg.experiment.network.boosted import BoostedNetwork
from lossreg.experiment.storage.checkpoint import Checkpoint
from lossreg.experiment.storage.records import TIMES, Record
from lossreg.experiment.training.schedule import BoundSchedule
from lossreg.experiment.training.steps.boosting_step import BoostingStep
from lossreg.experiment.training.steps.gradient_step import GradientStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lossreg.experiment.network.interface import DifferentiableNetwork
    from lossreg.experiment.storage.checkpoint import LogState
    from lossreg.experiment.training.interrupts import InterruptHandler
    from lossreg.experiment.training.prepare import PreparedRun

FIRST_CHECKPOINT_SECONDS, CHECKPOINT_SECONDS = 1.0, 10.0
"""Unless a config says otherwise: after how many seconds the first checkpoint is written, and how old the last one may
become. Until then each is written after twice as many seconds as the one before, so that a short run writes few."""
CHECK_STEPS = 100
"""After how many steps at most the weights are checked."""


class TrainingLoop:
    """Trains a prepared run.

    `history` has the record of each epoch, `losses` the monitored loss of each, and `best` the index of the lowest.
    """

    def __init__(self, prepared: PreparedRun) -> None:
        config = prepared.config
        self.prepared = prepared
        self.history: list[Record] = []
        self.losses: list[float] = []
        self.best = -1
        self.training_step = make_step(prepared)
        self.schedule = BoundSchedule(config.schedule.component, config.schedule.parameters, prepared.steps)
        self.order = (0, np.arange(0))  # the number of an epoch, and the order of its examples
        self.best_checkpoint: Checkpoint | None = None
        self.start_time = perf_counter()
        self.next_checkpoint_time = self.start_time + FIRST_CHECKPOINT_SECONDS
        self.seconds, self.examples_seen = 0.0, 0  # since the last evaluation
        self.pause_after: int | None = None

    @property
    def step(self) -> int:
        """The number of steps taken."""
        return self.training_step.steps

    @property
    def epoch(self) -> int:
        """The number of epochs begun."""
        return -(-self.step // self.prepared.steps_per_epoch)

    @property
    def at_epoch_end(self) -> bool:
        """Whether the last step ended an epoch, or the run."""
        return self.step % self.prepared.steps_per_epoch == 0 or self.step == self.prepared.steps

    @property
    def done(self) -> bool:
        """Whether all steps have been taken, or early stopping ends the run."""
        patience = self.prepared.config.train.patience
        epochs_since_best = len(self.history) - 1 - self.best if self.history else 0
        return self.step >= self.prepared.steps or (patience is not None and epochs_since_best >= patience)

    @property
    def pause_due(self) -> bool:
        """Whether training pauses here, at the end of epoch `pause_after` or a later one."""
        return self.pause_after is not None and self.at_epoch_end and self.epoch >= self.pause_after and not self.done

    @property
    def checkpoint_due(self) -> bool:
        """Whether a checkpoint has to be written now."""
        steps, epochs = self.prepared.config.train.checkpoint_steps, self.prepared.config.train.checkpoint_epochs
        if steps is None and epochs is None:
            return self.done or self.pause_due or perf_counter() >= self.next_checkpoint_time
        by_step = steps is not None and self.step % steps == 0
        by_epoch = epochs is not None and self.at_epoch_end and self.epoch % epochs == 0
        return self.done or self.pause_due or by_step or by_epoch

    def checkpoint_written(self) -> None:
        """Record that a checkpoint has been written, which decides when the next one is due."""
        now = perf_counter()
        age = max(FIRST_CHECKPOINT_SECONDS, now - self.start_time)
        self.next_checkpoint_time = now + min(age, CHECKPOINT_SECONDS)

    def advance(self, interrupts: InterruptHandler) -> None:
        """Take steps until the end of the epoch, the next check of the weights, a checkpoint is due, or an interrupt.

        Raises Diverged for a loss that is not finite and, after the last of these steps, for weights that are not.
        """
        prepared, step = self.prepared, self.step
        epoch, taken = divmod(step, prepared.steps_per_epoch)
        if self.order[0] != epoch + 1:
            self.order = (epoch + 1, prepared.order(epoch + 1))
        train = prepared.config.train
        every = train.checkpoint_steps or CHECK_STEPS
        pause = self.next_checkpoint_time if train.checkpoint_steps is None and train.checkpoint_epochs is None else inf
        count = min(prepared.steps_per_epoch - taken, prepared.steps - step, every - step % every)
        factor, size = self.schedule.in_epoch(epoch + 1, self.losses), prepared.examples_per_step
        take_step = self.training_step.take
        examples = self.order[1][taken * size : (taken + count) * size]
        started = perf_counter()
        for start in range(0, len(examples), size):
            step += 1
            take_step(examples[start : start + size], factor(step))
            if interrupts.received or perf_counter() >= pause:
                break
        self.seconds += perf_counter() - started
        self.examples_seen += min(start + size, len(examples))
        if not self.training_step.is_finite():
            raise Diverged(f"the weights are no longer finite after step {step}, in epoch {epoch + 1}")

    def evaluate(self) -> Record:
        """Evaluate the epoch, and return its record: the numbers of the epoch and step, all metrics, and times.

        All examples of each split are evaluated after the epoch. `seconds` is the time of the epoch's steps, without
        the evaluation, as far as this process has taken them.
        """
        prepared = self.prepared
        record: Record = {"epoch": self.epoch, "step": self.step}
        for name, examples in prepared.splits.items():
            metrics = prepared.evaluator(prepared.network, examples)
            record |= {f"{name}_{key}": value for key, value in metrics.items()}
        if prepared.objective.first.learned:
            record |= prepared.objective.first.learned.reported()
        self.history.append(record)
        self.losses.append(record[prepared.monitored])
        if self.best < 0 or index_of_best([self.losses[self.best], self.losses[-1]]):
            self.best = len(self.losses) - 1
        times = (self.seconds, self.examples_seen / self.seconds)
        self.seconds, self.examples_seen = 0.0, 0
        return record | dict(zip(TIMES, times, strict=True))

    def checkpoint(self, logs: Mapping[str, LogState]) -> Checkpoint:
        """Make a checkpoint of the current state, with the states of the logs."""
        arrays = {name: array.copy() for name, array in self.training_step.arrays.items()}
        return Checkpoint(self.step, arrays, logs)

    def restore(self, checkpoint: Checkpoint, history: Sequence[Record]) -> None:
        """Restore the state of a checkpoint; raises NotResumable if it is not a checkpoint of this run."""
        monitored = self.prepared.monitored
        if not all(monitored in record for record in history):
            raise NotResumable(f"expected {monitored} in the metrics of every epoch until step {checkpoint.step}")
        self.training_step.restore(checkpoint.arrays, checkpoint.step)
        self.history = list(history)
        self.losses = [record[monitored] for record in history]
        self.best = index_of_best(self.losses)


def make_step(prepared: PreparedRun) -> GradientStep | BoostingStep:
    """Make the training step of a run: a round of boosting for a boosted model, or else a gradient step."""
    if isinstance(prepared.network, BoostedNetwork):
        return BoostingStep(prepared, prepared.network)
    assert prepared.config.optimizer is not None  # noqa: S101  only a boosted model has none
    return GradientStep(prepared, cast("DifferentiableNetwork", prepared.network), prepared.config.optimizer)


def index_of_best(losses: Sequence[float]) -> int:
    """The index of the first of the lowest losses, where nan counts as higher than any number; -1 if there are none."""
    return min(range(len(losses)), key=lambda index: (isnan(losses[index]), losses[index]), default=-1)
