"""Leaf renewal: the leaves of each tree get the values at which the loss of their rows is least.

Newton steps need a second derivative. Where that is 0, as of the absolute error, a booster's trees still say which rows
belong together, and the value of a leaf is then found from the loss itself: the median of the errors of its rows for
`l1`, a quantile for `quantile`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.bridges.boosting.score_objective import SCALED, given_weight
from lossreg.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from lossreg.bridges.boosting.score_objective import ScoreObjective

    Array = np.ndarray[Any, Any]

PRECISION = 2.0**-14
"""How exact the value of a leaf is, in median errors."""
STEPS = 64
"""The most steps of bisection; float64 has no more."""


class RenewedRows:
    """The rows of a data set, with the scores that the renewed trees give them.

    Boosters keep scores of their own, which they compute before leaves are renewed.
    """

    def __init__(self, data: Any, target: Any, weight: Any, start: float) -> None:
        self.data, self.target, self.weight = data, np.asarray(target, np.float64), given_weight(weight)
        self.scores = np.full(len(self.target), start)


class LeafRenewal:
    """An objective for the rows of a training, which also finds the values of leaves.

    hessian: what stands for the second derivative in the choice of splits, None for the one that is best with renewed
        leaves. evaluated: the rows of each evaluation set.
    values: what has been added to the scores, by the number of the tree, for each leaf.
    """

    def __init__(
        self, objective: ScoreObjective, hessian: Any, trained: RenewedRows, evaluated: list[RenewedRows]
    ) -> None:
        if hessian is None and objective.flat:
            objective.hessian = SCALED
        self.objective, self.trained, self.evaluated = objective, trained, evaluated
        self.values: list[Array] = []

    def __deepcopy__(self, memo: Any) -> LeafRenewal:
        """The renewal itself: LightGBM copies its parameters, and the objective with them."""
        return self

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:  # noqa: ARG002
        """The derivatives for the next tree; what a booster gives are its own scores, with the targets and weights."""
        rows = self.trained
        return self.objective.derivatives(rows.scores, rows.target, rows.weight)

    def renew(self, leaf_of: Callable[[Any], Array], rate: float) -> Array:
        """Find the values of the last tree's leaves; `leaf_of` gives the number of each row's leaf.

        rate: the learning rate of this tree, which callbacks may change from one to the next.
        """
        leaves = leaf_of(self.trained.data)
        values = rate * self.constants(leaves)
        self.trained.scores += values[leaves]
        for rows in self.evaluated:
            rows.scores += values[leaf_of(rows.data)]
        self.values.append(values)
        return values

    def constants(self, leaves: Array) -> Array:
        """What is added to the scores of each leaf so that the loss of its rows is least.

        Where that is an interval, as between the two middle errors of an even number of rows, it is its middle.
        """
        return (self.sign_change(leaves, np.less) + self.sign_change(leaves, np.less_equal)) / 2

    def sign_change(self, leaves: Array, below: np.ufunc) -> Array:
        """Up to where the slope of the loss of each leaf is below 0, or not above 0, by bisection."""
        rows, criterion = self.trained, self.objective.criterion
        errors = np.abs(rows.target - rows.scores)
        count, widest, tolerance = leaves.max() + 1, errors.max(), PRECISION * (np.median(errors) or errors.mean())
        low, high = np.full(count, -widest), np.full(count, widest)
        for _ in range(STEPS):
            if not (high - low).max() > tolerance:
                break
            middle = (low + high) / 2
            slopes = criterion.grad(rows.scores + middle[leaves], rows.target, sample_weight=rows.weight)
            more = below(np.bincount(leaves, slopes, count), 0)
            low, high = np.where(more, middle, low), np.where(more, high, middle)
        return (low + high) / 2

    def losses(self) -> list[float]:
        """The mean loss of each evaluation set."""
        return [self.objective.mean(rows.scores, rows.target, rows.weight) for rows in self.evaluated]

    def check_metric(self, metric: Any) -> None:
        """Raise InvalidParameter for a metric of something else, which boosters compute before leaves are renewed."""
        name = metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
        if metric is not None and name != self.objective.metric_name:
            raise InvalidParameter(
                f"eval_metric: expected the metric of {self.objective.metric_name}, got {name}, which is computed "
                "before leaves are renewed; renew_leaves=False takes any metric"
            )


def renews_leaves(objective: ScoreObjective, given: bool | None, obstacles: dict[str, bool]) -> bool:
    """Whether leaves are renewed: as it is given, or if it is None where an objective has no second derivative.

    obstacles: by what stands in the way, whether it does. Raises InvalidParameter where renewal is asked for.
    """
    found = [name for name, present in obstacles.items() if present]
    if objective.classes or objective.grouped:
        found.append("a loss of several scores")
    if given and found:
        raise InvalidParameter(f"renew_leaves: leaves are not renewed with {found[0]}")
    return not found and (objective.flat if given is None else given)
