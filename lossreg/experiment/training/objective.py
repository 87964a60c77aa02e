"""The objective of training: a loss as a function of the network's outputs and the targets of the data.

A network returns an array of shape (examples * rows per example, outputs), with the rows of an example after one
another. The columns of a row are its predictions, each as wide as the target. The inverse link function of each input's
domain turns outputs into predictions.
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
    """A loss with its parameters and a reduction.

    `predictions_per_row` is how many predictions the network makes for each row, if these are more than the loss takes.
    """

    def __init__(
        self,
        loss: Loss,
        reduction: str,
        parameters: Mapping[str, Any],
        requirements: LossRequirements,
        predictions_per_row: int | None = None,
    ) -> None:
        self.criterion = Criterion(loss, reduction, parameters)
        self.requirements = requirements
        self.predictions_per_row = predictions_per_row or requirements.predictions_per_row
        self.inverse_links = requirements.inverse_links
        self.rows = requirements.task.rows
        self.is_distance = requirements.predictions[0].domain is DISSIMILARITY
        names = [entry.name for entry in loss.inputs]
        self.target_position = names.index(requirements.target.name) if requirements.target else None
        # Whether the network's outputs are the loss's only prediction, without an inverse link.
        self.direct = self.inverse_links == [None] and self.rows == self.predictions_per_row == 1

    def split(self, outputs: Any) -> list[Any]:
        """Views of the network's outputs, one for each prediction."""
        if self.direct:
            return [outputs]
        by_example = outputs.reshape(-1, self.rows, outputs.shape[-1])
        if self.is_distance:
            return [by_example]
        if self.rows > 1:
            return [by_example[:, row] for row in range(self.rows)]
        width = outputs.shape[-1] // self.predictions_per_row
        return [outputs[:, index * width : (index + 1) * width] for index in range(len(self.inverse_links))]

    def predictions(self, outputs: Any) -> list[Any]:
        """The predictions that the loss takes."""
        views = zip(self.split(outputs), self.inverse_links, strict=True)
        return [link.apply(view) if link else view for view, link in views]

    def arguments(self, predictions: list[Any], targets: Any) -> list[Any]:
        """The inputs of the loss, in its order."""
        found = list(predictions)
        if self.target_position is not None:
            found.insert(self.target_position, targets)
        return found

    def __call__(self, outputs: Any, targets: Any) -> Any:
        """Compute the loss."""
        return self.criterion(*self.arguments(self.predictions(outputs), targets))

    def denominator(self, outputs: Any, targets: Any) -> float:
        """What the reduction divides by; those of several batches add up to that of one large batch."""
        return self.criterion.denominator(*self.arguments(self.predictions(outputs), targets))

    def value_and_grad(self, outputs: Any, targets: Any, *, out: Any, denominator: float | None = None) -> Any:
        """Compute the loss, and into `out` its gradient with respect to the outputs."""
        if self.direct:
            return self.criterion.value_and_grad(*self.arguments([outputs], targets), denominator=denominator, out=out)
        views, grad_views, predictions = self.split(outputs), self.split(out), self.predictions(outputs)
        grads = [
            np.empty_like(prediction) if link else grad_view
            for prediction, link, grad_view in zip(predictions, self.inverse_links, grad_views, strict=True)
        ]
        arguments = self.arguments(predictions, targets)
        value, _ = self.criterion.value_and_grad(*arguments, denominator=denominator, out=tuple(grads))
        for link, *each, grad_view in zip(self.inverse_links, views, predictions, grads, grad_views, strict=True):
            if link:
                grad_view[...] = link.differentiate(*each)
        return value, out
