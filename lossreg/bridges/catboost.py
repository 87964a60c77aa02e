"""Losses as objectives and metrics of CatBoost, for losses of one score.

    CatBoostRegressor(loss_function=objective("poisson_nll"), eval_metric=metric("poisson_nll"))

CatBoost calls an objective for a thousand rows at a time, and maximises it: derivatives have the other sign. It begins
to boost at 0; `objective(...).start` is the better baseline of a Pool, which has to be added to what is predicted. With
`hessian="builtin"` mse has the gradients of RMSE. Losses of several classes are refused: CatBoost asks for their
derivatives by a Python call for each row, which takes some 200 times as long as its own. Checked with CatBoost 1.2.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.bridges.boosting.score_objective import Builtin, ScoreObjective
from lossreg.errors import InvalidParameter
from lossreg.extras import optional_imports

with optional_imports():
    import catboost  # noqa: F401  so that a missing package is found here

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]

BUILTIN = {"RMSE": Builtin(gradient=0.5), "Logloss": Builtin(), "Poisson": Builtin()}


class CatBoostObjective(ScoreObjective):
    """An objective of CatBoost."""

    no_jit = True
    """CatBoost would compile the methods by numba, as which they run faster already."""

    def __init__(self, loss: str | Loss, hessian: str | float | None, parameters: Mapping[str, Any]) -> None:
        super().__init__(loss, hessian, parameters, BUILTIN)
        if self.grouped:
            raise InvalidParameter(f"{self.loss.name} takes groups, which CatBoost does not give to an objective")
        if self.classes:
            message = (
                f"{self.loss.name} takes a score for each class, for which CatBoost calls Python once for each row"
            )
            raise InvalidParameter(f"{message}; use its own MultiClass, or the bridge to XGBoost or LightGBM")

    def calc_ders_range(self, approxes: Any, targets: Any, weights: Any) -> Array:
        """Minus the first and the second derivative of each row, of shape (rows, 2)."""
        weight = None if weights is None else np.asarray(weights)
        grad, hess = self.derivatives(np.asarray(approxes), np.asarray(targets), weight)
        return -np.stack([grad, hess], axis=1)


class CatBoostMetric:
    """The weighted mean of a loss as a metric of CatBoost."""

    no_jit = True

    def __init__(self, loss: str | Loss, parameters: Mapping[str, Any]) -> None:
        self.objective = CatBoostObjective(loss, 1.0, parameters)

    def evaluate(self, approxes: Any, target: Any, weight: Any) -> tuple[float, float]:
        """The weighted sum of the loss, and the sum of the weights."""
        scores, weights = np.asarray(approxes[0]), None if weight is None else np.asarray(weight)
        total = float(len(scores)) if weights is None or not len(weights) else float(weights.sum())
        return self.objective.mean(scores, np.asarray(target), weights) * total, total

    def get_final_error(self, error: float, weight: float) -> float:
        """The mean, from the sums."""
        return error / weight if weight else 0.0

    def is_max_optimal(self) -> bool:
        """Less is better."""
        return False


def objective(loss: str | Loss, *, hessian: str | float | None = None, **parameters: Any) -> CatBoostObjective:
    """An objective: a loss with its parameters; see `ScoreObjective` for `hessian`."""
    return CatBoostObjective(loss, hessian, parameters)


def metric(loss: str | Loss, **parameters: Any) -> CatBoostMetric:
    """A metric: the weighted mean of a loss, of which less is better."""
    return CatBoostMetric(loss, parameters)
