"""The objectives of gradient boosting: the derivatives of a loss by the scores, and the constant to begin with.

A booster adds trees to a score of each row, which may be any number, and asks an objective for the gradient and the
second derivative of the loss of each row. A loss by element has one score for each row, and a loss by row of classes
one for each class.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lossreg.criterion.score_losses import LARGEST, check_losses
from lossreg.criterion.second_order import recommended
from lossreg.criterion.sums.weighted_sum import WeightedSum, make, with_reduction
from lossreg.definition.domains import SIGMOID_LINK, SIGN, SOFTMAX_LINK
from lossreg.definition.signature import COUPLED_GROUPS
from lossreg.errors import InvalidInput, InvalidParameter, listed, nearest
from lossreg.registry.registries import losses

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lossreg.criterion.criterion import Criterion
    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]

BUILTIN = "builtin"
SLOPE = "slope"
"""The stand-in for the second derivative of a loss of groups: the size of the slope, so that no step is above 1."""
SCALED = "scaled secant"
"""Where a loss recommends a constant, as none is right for targets of any scale: the slope divided by the error, which
counts as no less than twice the median of `SAMPLE` errors, and both derivatives times that, so that a booster's least
weight and penalty of leaves count rows."""
SAMPLE = 10_000
SLAB = 2**14
"""The numbers whose derivatives are computed at a time where they are converted afterwards."""


class Builtin(NamedTuple):
    """How a booster's own objective differs from the loss of the same name.

    gradient: a factor of gradient and second derivative; hessian: a further one of the second derivative.
    surrogate: what stands for the second derivative.
    one_of_classes: whether the second derivative of K classes is K / (K - 1) times as large besides.
    """

    gradient: float = 1.0
    hessian: float = 1.0
    surrogate: str | float = "exact"
    one_of_classes: bool = False


class ScoreObjective:
    """The loss of each row as a function of its score or scores, with first and second derivatives.

    `loss` is what `lossreg.create` takes: a name, a loss, or the terms of a weighted sum.
    `hessian` is what `criterion.value_grad_hess` takes, by default the one that the loss recommends for Newton steps;
    "builtin" gives the gradients and second derivatives of the booster's own objective of that name, which `builtin`
    describes. `flat` says whether the second derivative is 0, so that something else stands for it. Raises
    InvalidParameter for a loss that a booster cannot be trained with.
    """

    def __init__(
        self,
        loss: str | Loss | Mapping[str, Any] | Sequence[Mapping[str, Any]],
        hessian: str | float | None,
        parameters: Mapping[str, Any],
        builtin: Mapping[str, Builtin],
    ) -> None:
        # The gradients of a sum are those of its terms, and its values need no array.
        self.criterion = make(loss, "sum", parameters)
        self.loss = self.criterion.loss
        terms = self.criterion.losses if isinstance(self.criterion, WeightedSum) else [self.loss]
        self.metric_name = "+".join(term.name for term in terms)
        self.classes = check_losses(terms)
        self.grouped = terms[0].forms[0].couples == COUPLED_GROUPS
        names = [name for name in terms[0].hessians if all(name in term.hessians for term in terms)]
        names = [SLOPE] if self.grouped else [*names, SCALED] if "constant" in names else names
        self.flat = not names or SCALED in names
        self.rule = Builtin()
        if hessian == BUILTIN:
            rule = next((rule for name, rule in builtin.items() if losses.get(name) is self.loss), None)
            if rule is None:
                message = f"hessian: the objectives that are built in are {listed(builtin)}"
                raise InvalidParameter(f"{message}; none is {self.loss.name}")
            self.rule = rule
            hessian = self.rule.surrogate
        elif isinstance(hessian, str) and hessian not in names:
            hint = nearest(hessian, [*names, BUILTIN])
            message = f"hessian: expected {listed([*names, BUILTIN])} or a number above 0, got {hessian!r}"
            raise InvalidParameter(message + (hint and f"; {hint}"))
        best = SLOPE if self.grouped else recommended(self.loss) if len(terms) == 1 else None
        self.hessian = (SCALED if best == "constant" else best) if hessian is None else hessian

    def __repr__(self) -> str:
        return f"<objective {self.criterion!r}, hessian={self.hessian!r}>"

    def labels(self, target: Any, scores: Array | None = None) -> Array:
        """The targets as the loss takes them: classes as integers, and 0 and 1 as -1 and 1 where it takes signs."""
        found = np.asarray(target)
        if self.classes:
            labels = found.astype(np.int64)
            if not np.array_equal(labels, found):
                raise InvalidInput(
                    f"{self.loss.name}: expected classes 0, 1, ... as labels; got {found[labels != found][0]}"
                )
            return labels
        if self.loss.inputs[1].domain is SIGN and found.size and found.min() >= 0:
            found = 2 * found - 1
        return found if scores is None else found.astype(scores.dtype, copy=False)

    def derivatives(self, scores: Array, target: Any, weight: Any = None) -> tuple[Array, Array]:
        """Gradient and second derivative of the loss of each row, times its weight, in the shape of the scores."""
        labels = self.labels(target, scores)
        return self._derivatives(scores, labels, given_weight(weight), self._floor(scores, labels))

    def _floor(self, scores: Array, labels: Array) -> float:
        """The error that smaller ones count as in a scaled secant, else 0."""
        if self.hessian != SCALED:
            return 0.0
        some = slice(None, None, max(1, len(scores) // SAMPLE))
        errors = np.abs(scores[some] - labels[some])
        return float(2 * np.median(errors) or errors.mean() or 1.0)

    def _derivatives(self, scores: Array, labels: Array, weight: Array | None, floor: float) -> tuple[Array, Array]:
        if floor:
            grad = self.criterion.grad(scores, labels, sample_weight=weight) * scores.dtype.type(floor)
            return grad, np.abs(grad) / np.maximum(np.abs(scores - labels), scores.dtype.type(floor))
        rule = self.rule
        criterion, denominator = (self.criterion, None) if rule.gradient == 1 else (self._mean, 1 / rule.gradient)
        _, grad, hess = criterion.value_grad_hess(
            scores, labels, sample_weight=weight, denominator=denominator, hessian=self.hessian
        )
        if rule.hessian != 1:
            hess *= rule.hessian
        if rule.one_of_classes:
            hess *= hess.shape[1] / (hess.shape[1] - 1)
        return grad, hess

    def fill_derivatives(self, scores: Array, labels: Array, weight: Any, grad: Array, hess: Array) -> None:
        """Write the derivatives to arrays of another type or order, by slabs, which takes half the time at 1M rows."""
        rows, floor = max(1, SLAB // max(1, scores[:1].size)), self._floor(scores, labels)
        weight = given_weight(weight)
        try:
            for start in range(0, len(scores), rows):
                part = slice(start, start + rows)
                given = np.ascontiguousarray(scores[part])
                some = labels[part] if self.classes else labels[part].astype(given.dtype, copy=False)
                grad[part], hess[part] = self._derivatives(given, some, None if weight is None else weight[part], floor)
        except InvalidInput:
            # A slab may have no second derivative above 0 where the batch has, and its errors are by its own rows.
            grad[...], hess[...] = self.derivatives(np.ascontiguousarray(scores), labels, weight)

    def derivatives_in_groups(self, scores: Array, target: Any, weight: Any, sizes: Any) -> tuple[Array, Array]:
        """The derivatives of a loss of groups; `sizes` are those of the groups, whose rows follow one another."""
        weight, group = weight_and_group(weight, sizes)
        grad = self.criterion.grad(scores, self.labels(target, scores), group, sample_weight=weight)
        scale = 1.0 if weight is None else weight
        return grad, np.abs(grad) if self.hessian == SLOPE else np.full_like(grad, self.hessian) * scale

    def mean(self, scores: Array, target: Any, weight: Any = None, sizes: Any = None) -> float:
        """The weighted mean of the loss, for a loss of groups with their sizes."""
        weight, *group = weight_and_group(weight, sizes) if self.grouped else (given_weight(weight),)
        return float(self._mean(scores, self.labels(target, scores), *group, sample_weight=weight))

    @cached_property
    def _mean(self) -> Criterion | WeightedSum:
        """The criterion of the mean, kept because a metric is computed after every tree."""
        return with_reduction(self.criterion, "mean")

    def start(self, target: Any, sample_weight: Any = None) -> Any:
        """The constant score that minimises the loss of some targets, to begin boosting with: base_score, init_score.

        A number, or for a loss by row an array with one for each class, which add up to 0. Raises InvalidInput where no
        finite constant does, such as for labels that are all of one class.
        """
        weight = None if sample_weight is None else np.asarray(sample_weight, np.float64)
        values, index = np.unique(self.labels(target), return_inverse=True)
        counts = np.bincount(index.ravel(), weight, len(values)).astype(np.float64)
        return self._start_of_classes(values, counts) if self.classes else self._start(values, counts)

    def _start(self, values: Array, counts: Array) -> float:
        """The constant for distinct targets and how much each weighs, at which the gradient changes its sign."""
        values = values.astype(np.float64)

        def slope(score: float) -> float:
            return float(self.criterion.grad(np.full(len(values), score), values, sample_weight=counts).sum())

        low, high = -1.0, 1.0
        while slope(low) > 0 and low > -LARGEST:
            low *= 2
        while slope(high) < 0 and high < LARGEST:
            high *= 2
        if slope(low) > 0 or slope(high) < 0 or not (slope(-LARGEST) < 0 < slope(LARGEST)):
            raise InvalidInput(f"{self.loss.name}: no finite constant minimises the loss of these targets")
        while high - low > 1e-12 * max(1.0, abs(low), abs(high)):
            middle = (low + high) / 2
            if middle in (low, high):
                break
            low, high = (low, middle) if slope(middle) > 0 else (middle, high)
        return (low + high) / 2

    def _start_of_classes(self, values: Array, counts: Array) -> Array:
        """The constant for distinct labels and how much each weighs."""
        from scipy.optimize import minimize

        size = int(values.max()) + 1
        if len(values) < size or size == 1:
            missing = listed(str(label) for label in range(max(size, 2)) if label not in values)
            raise InvalidInput(
                f"{self.loss.name}: no finite constant minimises the loss without rows of class {missing}"
            )
        share = counts / counts.sum()

        def value_and_grad(scores: Array) -> tuple[float, Array]:
            rows = np.broadcast_to(scores, (size, size))
            value, grad = self.criterion.value_and_grad(rows, values, sample_weight=share)
            return float(value), grad.sum(axis=0)

        options = {"gtol": 1e-10, "ftol": 0}
        found = minimize(value_and_grad, np.zeros(size), jac=True, method="L-BFGS-B", options=options)
        return np.asarray(found.x - found.x.mean())

    def response(self, scores: Array) -> Array:
        """Scores in the units of the target: their exponential where the loss takes the logarithm, else themselves."""
        return np.exp(scores) if self.takes_logarithm else scores

    @property
    def takes_logarithm(self) -> bool:
        """Whether the score is the logarithm of what the target measures; the slopes for a target of 2 show it."""
        domain = self.loss.inputs[1].domain
        if self.classes or domain.contains(-1.0) or not domain.contains(2.0):
            return False
        at_logarithm, at_target = self.criterion.grad(np.log([2.0, np.exp(2.0)]), np.array([2.0, 2.0]))
        return bool(abs(at_logarithm) < abs(at_target))


def given_weight(weight: Any) -> Array | None:
    """The weights of rows; None where a booster gives none, or an empty array for none."""
    return None if weight is None or not len(weight) else np.asarray(weight)


def weight_and_group(weight: Any, sizes: Any) -> tuple[Array | None, Array]:
    """The weight of each row, which may be given for each group, and the number of its group."""
    if sizes is None or not len(sizes):
        raise InvalidInput("the data have no groups; give them as qid or group")
    group, weight = np.repeat(np.arange(len(sizes)), sizes), given_weight(weight)
    return weight[group] if weight is not None and len(weight) == len(sizes) else weight, group


def class_probabilities(scores: Array) -> Array:
    """The probability of each class: the softmax of its scores, or for one score of two classes its sigmoid."""
    if scores.ndim > 1:
        return np.asarray(SOFTMAX_LINK.apply(scores))
    second = SIGMOID_LINK.apply(scores)
    return np.stack([1 - second, second], axis=1)
