"""The objective: a loss between what a network gives and what the data have.

A network gives (examples * rows, outputs), the rows of an example one after the other, and beside one another its
predictions, each as wide as the target. Each goes through the link of its input's domain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.definition.domains import DISSIMILARITY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.definition.loss import Loss
    from lossreg.experiment.task.requirements import LossRequirements


class Objective:
    """A loss with its parameters and a reduction; `parts` is how many predictions the network gives for each row."""

    def __init__(
        self,
        loss: Loss,
        reduction: str,
        parameters: Mapping[str, Any],
        demand: LossRequirements,
        parts: int | None = None,
    ) -> None:
        self.criterion = Criterion(loss, reduction, parameters)
        self.demand = demand
        self.parts = parts or demand.parts
        self.links = demand.links
        self.rows, self.distance = demand.task.rows, demand.predictions[0].domain is DISSIMILARITY
        names = [entry.name for entry in loss.inputs]
        self.at = names.index(demand.target.name) if demand.target else None
        # Whether the loss takes what the network gives, as it is.
        self.direct = self.links == [None] and self.rows == self.parts == 1 and not self.distance

    def raw(self, outputs: Any) -> list[Any]:
        """Views of a network's outputs, one for each prediction."""
        if self.direct:
            return [outputs]
        whole = outputs.reshape(-1, self.rows, outputs.shape[-1])
        if self.distance:
            return [whole]
        if self.rows > 1:
            return [whole[:, row] for row in range(self.rows)]
        width = outputs.shape[-1] // self.parts
        return [outputs[:, part * width : (part + 1) * width] for part in range(len(self.links))]

    def predictions(self, outputs: Any) -> list[Any]:
        """What the loss takes as predictions."""
        views = zip(self.raw(outputs), self.links, strict=True)
        return [link.apply(view) if link else view for view, link in views]

    def arguments(self, predictions: list[Any], targets: Any) -> list[Any]:
        """The loss's inputs, in its order."""
        found = list(predictions)
        if self.at is not None:
            found.insert(self.at, targets)
        return found

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """The loss."""
        return self.criterion(*self.arguments(self.predictions(outputs), targets))

    def denominator(self, outputs: Any, targets: Any) -> float:
        """What the reduction divides by; the parts of a batch add up."""
        return self.criterion.denominator(*self.arguments(self.predictions(outputs), targets))

    def value_and_grad(self, outputs: Any, targets: Any, *, out: Any, denominator: float | None = None) -> Any:
        """The loss, and in `out` its gradient by the outputs."""
        if self.direct:
            return self.criterion.value_and_grad(*self.arguments([outputs], targets), denominator=denominator, out=out)
        raw, rooms, values = self.raw(outputs), self.raw(out), self.predictions(outputs)
        grads = [
            np.empty_like(value) if link else room for value, link, room in zip(values, self.links, rooms, strict=True)
        ]
        arguments = self.arguments(values, targets)
        value, _ = self.criterion.value_and_grad(*arguments, denominator=denominator, out=tuple(grads))
        for link, *each, room in zip(self.links, raw, values, grads, rooms, strict=True):
            if link:
                room[...] = link.differentiate(*each)
        return value, out
