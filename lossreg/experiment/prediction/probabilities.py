"""Probabilities of classes from a network's outputs, where the loss that was trained defines them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.definition.domains import (
    LOG_PROBABILITY,
    LOG_SOFTMAX_LINK,
    PROBABILITY,
    REAL,
    SIGMOID_LINK,
    SOFTMAX_LINK,
    UNIT,
)
from lossreg.errors import LossregError
from lossreg.experiment.task.tasks import Task

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.definition.domains import Domain
    from lossreg.definition.loss import Loss
    from lossreg.experiment.task.requirements import LossRequirements

LINKS: dict[Domain, Callable[[Any], Any]] = {
    UNIT: SIGMOID_LINK.apply,
    PROBABILITY: SOFTMAX_LINK.apply,
    LOG_PROBABILITY: lambda outputs: np.exp(LOG_SOFTMAX_LINK.apply(outputs)),
}
"""From outputs to probabilities, for each domain of predictions that are probabilities or their logarithms."""
LOGITS = np.array([[0.3, -1.2, 0.8]])
"""Outputs at which the slopes of a loss are compared with those of the cross entropy."""


def probabilities(loss: Loss, requirements: LossRequirements) -> Callable[[Any], Any] | None:
    """The function from outputs (rows, outputs) to probabilities; None if the loss defines none.

    Two classes with one output have the probability of the second class; several labels have one probability each.
    Where predictions are no probabilities themselves, outputs are logits if the slope of the loss is that of the cross
    entropy of their softmax, or of the sigmoid of each: its minimum over the outputs is then at the true probabilities.
    """
    domain, task = requirements.predictions[0].domain, requirements.task
    if domain is not REAL:
        return LINKS.get(domain)
    return next((LINKS[of] for of in (PROBABILITY, UNIT) if has_slope_of_cross_entropy(loss, task, LINKS[of])), None)


def has_slope_of_cross_entropy(loss: Loss, task: Task, estimate: Callable[[Any], Any]) -> bool:
    """Whether the slope by the logits is the estimated probability minus the target, up to a positive factor."""
    criterion = Criterion(loss, "sum")
    expected = estimate(LOGITS)
    one_hot = np.array([[0.0, 0.0, 1.0]])
    targets = {
        Task.CLASSIFICATION: np.array([2]),
        Task.DISTRIBUTION: one_hot,
        Task.BINARY: one_hot,
        Task.MULTILABEL: one_hot,
        Task.SIGNED_BINARY: 2 * one_hot - 1,
    }
    if task not in targets:
        return False
    try:
        slope = criterion.grad(LOGITS, targets[task])
    except LossregError:
        return False
    factor = slope[0, 0] / expected[0, 0]
    return bool(factor > 0 and np.allclose(slope, factor * (expected - one_hot), rtol=1e-9, atol=1e-12))
