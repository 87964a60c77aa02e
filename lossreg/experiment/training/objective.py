"""Objectives: losses as functions of the network's outputs and the targets of the data, and weighted sums of them.

A network returns an array of shape (examples * rows per example, outputs), with the rows of an example after one
another. The columns of a row are its predictions, each as wide as the target. The inverse link function of each input's
domain turns outputs into predictions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.criterion.criterion import Criterion
from lossreg.definition.annotations import FEWER_CLASSES
from lossreg.definition.domains import DISSIMILARITY
from lossreg.definition.roles import Role
from lossreg.experiment.config.validation import PluginConfig
from lossreg.experiment.data.given_columns import WEIGHT
from lossreg.experiment.task.tasks import is_row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lossreg.definition.loss import Loss
    from lossreg.definition.signature import Input
    from lossreg.experiment.config.run_config import Config
    from lossreg.experiment.task.requirements import LossRequirements
    from lossreg.experiment.training.learned import LearnedInputs

NOTHING: dict[str, Any] = {}
"""What most losses get beside the targets."""


class Objective:
    """A loss with its parameters and a reduction.

    `reduction` is what a criterion takes. `predictions_per_row` is how many predictions the network makes for each row,
    if these are more than the loss takes. `learned` are the learned inputs of the loss. What a batch has `beside` its
    targets is given by role or by name: groups, events, other inputs, and the weights of the examples.
    """

    def __init__(  # noqa: PLR0913, PLR0917  what a loss is trained with
        self,
        loss: Loss,
        reduction: Any,
        parameters: Mapping[str, Any],
        requirements: LossRequirements,
        predictions_per_row: int | None = None,
        learned: LearnedInputs | None = None,
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
        form = loss.forms[0]
        self.inputs, self.graded = form.inputs, form.default_wrt
        self.by_element = not (form.by_row or form.by_batch)
        self.learned = learned if requirements.learned else None
        self.coupled = bool(form.coupling(self.criterion.parameters))
        # Whether the loss takes one prediction for each row, as a vector.
        self.flat = form.by_batch and requirements.fixed_width == "1" and not is_row(requirements.predictions[0])
        self.plain = not (requirements.others or self.learned)

    def split(self, outputs: Any) -> list[Any]:
        """Views of the network's outputs, one for each prediction."""
        if self.flat and self.predictions_per_row == 1:
            return [outputs.reshape(-1)]
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

    def real_values(self, outputs: Any) -> Any:
        """The predicted numbers, a column for each target: of an ensemble the mean of its members."""
        predictions, first = self.predictions(outputs)[0], self.requirements.predictions[0]
        single = self.requirements.target is not None and not is_row(self.requirements.target)
        if is_row(first) and single:
            predictions = predictions.mean(axis=1, keepdims=True)
        return np.exp(predictions) if self.requirements.log_prediction else predictions

    def scores(self, outputs: Any) -> Any:
        """A score for each class; of ordered classes, which have a score for each step to the next, 1 for the class."""
        scores = self.split(outputs)[0]
        if self.requirements.fixed_width == FEWER_CLASSES:
            return np.eye(scores.shape[1] + 1, dtype=scores.dtype)[(scores > 0).sum(axis=1)]
        return scores

    def arguments(self, predictions: list[Any], targets: Any, beside: Mapping[str, Any] = NOTHING) -> list[Any]:
        """The inputs of the loss, in its order."""
        found = list(predictions)
        if self.plain:
            if self.target_position is not None:
                found.insert(self.target_position, targets)
            return found
        values, target = self.learned.values() if self.learned else {}, self.requirements.target
        if self.by_element:  # each number of a row has what the row is given
            beside = {key: np.broadcast_to(x[:, np.newaxis], found[0].shape) for key, x in beside.items()}
        others = {entry.name for entry in self.requirements.others}
        return [
            values[entry.name]
            if entry.name in values
            else beside[key_of(entry)]
            if entry.name in others
            else targets
            if target and entry.name == target.name
            else found.pop(0)
            for entry in self.inputs
        ]

    def __call__(self, outputs: Any, targets: Any, beside: Mapping[str, Any] = NOTHING) -> Any:
        """Compute the loss."""
        arguments = self.arguments(self.predictions(outputs), targets, beside)
        return self.criterion(*arguments, sample_weight=beside.get(WEIGHT))

    def terms(self, outputs: Any, targets: Any, beside: Mapping[str, Any], label: str) -> dict[str, float]:
        """The numbers that the loss reports beside its value, named with a label before each."""
        if "terms" not in self.criterion.loss.methods:
            return {}
        found = self.criterion.terms(*self.arguments(self.predictions(outputs), targets, beside))
        return {f"{label}.{name}": float(value) for name, value in found.items()}

    def denominator(self, outputs: Any, targets: Any, beside: Mapping[str, Any] = NOTHING) -> float:
        """What the reduction divides by; those of several batches add up to that of one large batch."""
        arguments = self.arguments(self.predictions(outputs), targets, beside)
        return self.criterion.denominator(*arguments, sample_weight=beside.get(WEIGHT))

    def value_and_grad(
        self,
        outputs: Any,
        targets: Any,
        beside: Mapping[str, Any] = NOTHING,
        *,
        out: Any,
        denominator: float | None = None,
    ) -> Any:
        """Compute the loss, and into `out` its gradient with respect to the outputs; that of learned inputs too."""
        if self.direct and self.plain and not self.flat:
            return self.criterion.value_and_grad(
                *self.arguments([outputs], targets),
                sample_weight=beside.get(WEIGHT),
                denominator=denominator,
                out=out,
            )
        views, grad_views, predictions = self.split(outputs), self.split(out), self.predictions(outputs)
        grads = [
            np.empty_like(prediction) if link else grad_view
            for prediction, link, grad_view in zip(predictions, self.inverse_links, grad_views, strict=True)
        ]
        arguments = self.arguments(predictions, targets, beside)
        given = dict(zip((entry.name for entry in self.inputs), arguments, strict=True))
        of_learned = {entry.name: np.empty_like(given[entry.name]) for entry in self.requirements.learned}
        filled = dict(zip((entry.name for entry in self.requirements.predictions), grads, strict=True)) | of_learned
        value, _ = self.criterion.value_and_grad(
            *arguments,
            sample_weight=beside.get(WEIGHT),
            denominator=denominator,
            out=tuple([filled[name] for name in self.graded]),
        )
        if self.learned:
            self.learned.backward(given, of_learned)
        for link, *each, grad_view in zip(self.inverse_links, views, predictions, grads, grad_views, strict=True):
            if link:
                grad_view[...] = link.differentiate(*each)
        return value, out


class WeightedObjectives:
    """Objectives with their factors. Each makes predictions of the outputs by its own inverse links.

    The first decides what the network predicts, and is the only one that may have learned inputs.
    """

    def __init__(self, terms: Sequence[tuple[float, Objective]]) -> None:
        self.terms = tuple(terms)
        self.first = terms[0][1]
        self.single = self.first if len(terms) == 1 and terms[0][0] == 1 else None

    @classmethod
    def of(
        cls, config: Config, requirements: Sequence[LossRequirements], learned: LearnedInputs | None
    ) -> WeightedObjectives:
        """Make the objective of a config from what each term requires, and the learned inputs of the first."""
        reduction: Any = config.reduction
        if isinstance(reduction, PluginConfig):
            reduction = {"name": reduction.component, **reduction.parameters}
        width = requirements[0].predictions_per_row
        terms: list[tuple[float, Objective]] = []
        for choice, required in zip(config.losses, requirements, strict=False):
            own = None if terms else learned
            objective = Objective(choice.component, reduction, choice.parameters, required, width, own)
            terms.append((choice.settings.get("factor", 1.0), objective))
        return cls(terms)

    def denominators(self, outputs: Any, targets: Sequence[Any], beside: Mapping[str, Any]) -> list[float]:
        """What the reduction of each term divides by."""
        pairs = zip(self.terms, targets, strict=True)
        return [objective.denominator(outputs, each, beside) for (_, objective), each in pairs]

    def value_and_grad(
        self,
        outputs: Any,
        targets: Sequence[Any],
        beside: Mapping[str, Any],
        *,
        out: Any,
        denominators: Sequence[float | None] | None = None,
    ) -> float:
        """Compute the loss, given the targets of each term, and into `out` its gradient; see `Objective`."""
        denominators = denominators or [None] * len(self.terms)
        if self.single is not None:
            value, _ = self.single.value_and_grad(outputs, targets[0], beside, out=out, denominator=denominators[0])
            return float(value)
        total, grad = 0.0, np.zeros_like(out)
        out[...] = 0
        for (factor, objective), each, denominator in zip(self.terms, targets, denominators, strict=True):
            grad[...] = 0  # a term may take fewer predictions than the network makes
            value, _ = objective.value_and_grad(outputs, each, beside, out=grad, denominator=denominator)
            total += factor * float(value)
            out += factor * grad
            if objective.learned:
                objective.learned.grads *= factor
        return total


def key_of(entry: Input) -> str:
    """What an input that comes from the data is called there: by its role, or by its name if any column may be it."""
    return str(entry.role.value) if entry.role in {Role.EVENT, Role.GROUP} and entry.role else entry.name
