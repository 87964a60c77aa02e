"""One training step, from some rows to changed weights.

All that can be done once is done before the first step: each size of batch has its room, and clipping that is not
wanted costs nothing.
"""

from __future__ import annotations

from functools import partial
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.reductions import DIVIDING
from lossreg.errors import Diverged, InvalidInput
from lossreg.experiment.training.optimizer import BoundOptimizer

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lossreg.experiment.training.prepare import PreparedRun

SHOWN = 64
"""How many of a batch's rows an error lists."""


class TrainingStep:
    """Takes steps: the batches' gradient, clipped, and the optimizer's update."""

    def __init__(self, session: PreparedRun) -> None:
        config, self.session, self.network = session.config, session, session.network
        self.updater = BoundOptimizer(config.optimizer.component, config.optimizer.parameters, session.network)
        self.part, self.objective = session.train, session.objective
        count, size = len(self.part), config.train.batch_size
        self.size = size
        self.fill = self.accumulate if config.train.accumulate > 1 else self.differentiate
        sizes = {min(size, count), count % size or size}
        self.batches = {each: self.part.room(each, session.outputs) for each in sizes}
        clips = ((clip_value, config.train.clip_value), (clip_norm, config.train.clip_norm))
        self.clips: list[Callable[[NDArray[Any]], None]] = [
            partial(clip, limit=limit) for clip, limit in clips if limit is not None
        ]

    def step(self, examples: NDArray[np.intp], factor: float) -> None:
        """Change the weights by the gradient over some examples; raises Diverged, before it does, if it has no loss."""
        self.fill(examples)
        for clip in self.clips:
            clip(self.network.grads)
        self.updater.step(factor)

    def differentiate(self, examples: NDArray[np.intp], denominator: float | None = None) -> None:
        """Fill the network's gradients by one batch."""
        batch = self.batches[len(examples)]
        self.part.take(examples, batch)
        outputs = self.network.forward(batch.inputs)
        try:
            value, _ = self.objective.value_and_grad(outputs, batch.targets, out=batch.grad, denominator=denominator)
        except InvalidInput:
            if np.isfinite(outputs).all():
                raise
            value = np.nan  # no loss at all, of outputs that are none
        if not isfinite(value):
            raise self.diverged(value, examples)
        self.network.backward(batch.grad)

    def accumulate(self, examples: NDArray[np.intp]) -> None:
        """Fill the network's gradients by several batches: the gradient that one large batch would have."""
        denominator = None
        if self.objective.criterion.reduction in DIVIDING:
            whole = self.part.room(len(examples), self.session.outputs)
            self.part.take(examples, whole)
            denominator = self.objective.denominator(np.zeros_like(whole.grad), whole.targets)
        total = np.zeros_like(self.network.grads)
        for start in range(0, len(examples), self.size):
            self.differentiate(examples[start : start + self.size], denominator)
            total += self.network.grads
        self.network.grads[:] = total

    def diverged(self, value: float, examples: NDArray[np.intp]) -> Diverged:
        """Make the error of a loss that is no finite number, with the step and the batch that has it."""
        session, step = self.session, self.updater.steps + 1
        epoch, before = divmod(step - 1, session.steps_per_epoch)
        rows = [str(row + 1) for row in self.part.inputs.index[examples].ravel()]
        more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
        return Diverged(
            f"the loss is {value} at step {step}: epoch {epoch + 1}, batch {before + 1} of {session.steps_per_epoch}, "
            f"which is these rows of {session.config.data.name}: {', '.join(rows[:SHOWN])}{more}",
        )


def clip_value(grads: NDArray[Any], limit: float) -> None:
    """Limit each number of a gradient, in place."""
    np.clip(grads, -limit, limit, out=grads)


def clip_norm(grads: NDArray[Any], limit: float) -> None:
    """Shorten a gradient to a length, in place, if it is longer."""
    norm = sqrt(np.dot(grads, grads))
    if not isfinite(norm):  # the squares overflow before the length does
        norm = float(np.linalg.norm(grads.astype(np.float64)))
    if norm > limit:
        np.multiply(grads, limit / norm, out=grads)
