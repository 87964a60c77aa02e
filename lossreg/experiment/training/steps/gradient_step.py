"""One training step: from some examples to updated weights.

All that can be prepared is prepared before the first step: the buffers for each batch size are allocated once, and
clipping that a config does not ask for costs nothing.
"""

from __future__ import annotations

from functools import partial
from math import isfinite, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.reductions import DIVIDING
from lossreg.errors import Diverged, InvalidInput, NotResumable
from lossreg.experiment.training.examples import GroupedRows
from lossreg.experiment.training.steps.optimizer import BoundOptimizer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lossreg.experiment.config.validation import PluginConfig
    from lossreg.experiment.network.interface import DifferentiableNetwork
    from lossreg.experiment.training.prepare import PreparedRun

SHOWN_ROWS = 64
"""How many of a batch's rows an error lists."""


class GradientStep:
    """Takes training steps: computes the gradient of one or several batches, clips it, and updates the weights."""

    def __init__(self, prepared: PreparedRun, network: DifferentiableNetwork, optimizer: PluginConfig) -> None:
        config, self.prepared, self.network = prepared.config, prepared, network
        self.optimizer = BoundOptimizer(optimizer.component, optimizer.parameters, network)
        self.examples, self.objective = prepared.train, prepared.objective
        self.learned = self.objective.first.learned
        self.learned_optimizer = (
            BoundOptimizer(optimizer.component, optimizer.parameters, self.learned, "optimizer.loss.")
            if self.learned
            else None
        )
        count, size = len(self.examples), config.train.batch_size
        self.batch_size = size
        self.compute_grads = self.accumulate if config.train.accumulate > 1 else self.differentiate
        sizes = {min(size, count), count % size or size}
        self.grouped = isinstance(self.examples.inputs, GroupedRows)
        self.buffers = {} if self.grouped else {each: self.examples.allocate(each, prepared.outputs) for each in sizes}
        clips = ((clip_value, config.train.clip_value), (clip_norm, config.train.clip_norm))
        self.clips: list[Callable[[NDArray[Any]], None]] = [
            partial(clip, limit=limit) for clip, limit in clips if limit is not None
        ]

    @property
    def steps(self) -> int:
        """The number of steps taken."""
        return self.optimizer.steps

    @property
    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """The arrays that steps change, by name: the weights, and the states of the optimizer."""
        found = {**self.network.named, **self.optimizer.named}
        if self.learned and self.learned_optimizer:
            found |= {**self.learned.named, **self.learned_optimizer.named}
        return found

    @property
    def size_limit(self) -> int:
        """The size in bytes up to which a checkpoint of this run is read, which is more than it can have."""
        return 2 * sum(array.nbytes for array in self.arrays.values()) + 1_000_000

    def restore(self, arrays: Mapping[str, NDArray[Any]], step: int) -> None:
        """Restore the arrays after a step; raises NotResumable for arrays of other names or shapes."""
        for name, array in self.arrays.items():
            saved = arrays.get(name)
            if saved is None or saved.shape != array.shape:
                found = "no such array" if saved is None else f"shape {saved.shape}"
                raise NotResumable(
                    f"expected {name} of shape {array.shape} in the checkpoint of step {step}, found {found}"
                )
            array[...] = saved
        for optimizer in (self.optimizer, self.learned_optimizer):
            if optimizer:
                optimizer.steps = step

    def is_finite(self) -> bool:
        """Whether all weights are finite."""
        return bool(
            np.isfinite(self.network.weights).all() and (not self.learned or np.isfinite(self.learned.weights).all())
        )

    def take(self, examples: NDArray[np.intp], factor: float) -> None:
        """Update the weights from some examples; raises Diverged, before any update, if the loss is not finite."""
        self.compute_grads(examples)
        for clip in self.clips:
            self.clip(clip)
        self.optimizer.step(factor)
        if self.learned_optimizer:
            self.learned_optimizer.step(factor)

    def clip(self, clip: Callable[[NDArray[Any]], None]) -> None:
        """Clip the gradients of the network, and with them those of learned inputs."""
        if self.learned is None:
            clip(self.network.grads)
            return
        joined = np.concatenate([self.network.grads, self.learned.grads])
        clip(joined)
        self.network.grads[:], self.learned.grads[:] = np.split(joined, [len(self.network.grads)])

    def differentiate(self, examples: NDArray[np.intp], denominators: list[float] | None = None) -> None:
        """Compute the network's gradients from one batch."""
        if self.grouped:
            batch = self.examples.grouped(examples, self.prepared.outputs)
        else:
            batch = self.buffers[len(examples)]
            self.examples.fill(examples, batch)
        outputs = self.network.forward(batch.inputs)
        try:
            value = self.objective.value_and_grad(
                outputs, batch.targets, batch.beside, out=batch.grad, denominators=denominators
            )
        except InvalidInput:
            if np.isfinite(outputs).all():
                raise
            value = np.nan  # the loss refuses outputs that are not finite
        if not isfinite(value):
            raise self.diverged(value, examples)
        self.network.backward(batch.grad)

    def accumulate(self, examples: NDArray[np.intp]) -> None:
        """Compute the network's gradients from several batches: the gradient that one large batch would have."""
        denominators = None
        if self.objective.first.criterion.reduction in DIVIDING:
            large = self.examples.allocate(len(examples), self.prepared.outputs)
            self.examples.fill(examples, large)
            denominators = self.objective.denominators(np.zeros_like(large.grad), large.targets, large.beside)
        total = np.zeros_like(self.network.grads)
        of_learned = 0.0 if self.learned is None else np.zeros_like(self.learned.grads)
        for start in range(0, len(examples), self.batch_size):
            self.differentiate(examples[start : start + self.batch_size], denominators)
            total += self.network.grads
            of_learned += 0.0 if self.learned is None else self.learned.grads
        self.network.grads[:] = total
        if self.learned is not None:
            self.learned.grads[:] = of_learned

    def diverged(self, value: float, examples: NDArray[np.intp]) -> Diverged:
        """Make the error for a loss that is not finite, with the step and the rows of its batch."""
        prepared, step = self.prepared, self.optimizer.steps + 1
        epoch, batch = divmod(step - 1, prepared.steps_per_epoch)
        inputs = self.examples.inputs
        chosen = inputs.rows_of(examples) if isinstance(inputs, GroupedRows) else examples
        rows = [str(row + 1) for row in inputs.index[chosen].ravel()]
        more = f" and {len(rows) - SHOWN_ROWS:,} more" if len(rows) > SHOWN_ROWS else ""
        return Diverged(
            f"the loss is {value} at step {step} (epoch {epoch + 1}, batch {batch + 1} of {prepared.steps_per_epoch}), "
            f"whose batch has these rows of {prepared.config.data.name}: {', '.join(rows[:SHOWN_ROWS])}{more}"
        )


def clip_value(grads: NDArray[Any], limit: float) -> None:
    """Limit the absolute value of each number of a gradient, in place."""
    np.clip(grads, -limit, limit, out=grads)


def clip_norm(grads: NDArray[Any], limit: float) -> None:
    """Scale a gradient down to a norm of `limit`, in place, if its norm is larger."""
    norm = sqrt(np.dot(grads, grads))
    if not isfinite(norm):  # the squares overflow before the norm does
        norm = float(np.linalg.norm(grads.astype(np.float64)))
    if norm > limit:
        np.multiply(grads, limit / norm, out=grads)
