"""Losses as objectives, metrics and estimators of XGBoost.

    objective("huber", delta=0.9)       for xgboost.train(params, data, obj=...) and XGBRegressor(objective=...)
    metric("huber", delta=0.9)          for xgboost.train(..., custom_metric=...) and XGBRegressor(eval_metric=...)
    LossXGBRegressor(loss="huber")      a regressor that begins with the constant of least loss, as built-in ones do
    LossXGBClassifier(loss="cross_entropy")

XGBoost begins to boost a custom objective at the score 0.5 unless base_score says otherwise; `objective(...).start`
gives the right one. With `hessian="builtin"` the gradients are those of XGBoost's own objective, so that the trees are
the same: mse is halved, the second derivative of Poisson's loss is e^0.7 times as large (and count:poisson sets
max_delta_step to 0.7), and that of several classes twice. A loss of groups, such as lambda_rank, takes those of a
DMatrix with qid or group; with weights of groups set disable_default_eval_metric, as XGBoost's default metric takes
those for weights of rows. Checked with XGBoost 3.2.
"""

from __future__ import annotations

from contextlib import contextmanager
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.bridges.boosting import Builtin, ScoreObjective, class_probabilities
from lossreg.extras import optional_imports

with optional_imports():
    import xgboost

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]

BUILTIN = {
    "reg:squarederror": Builtin(gradient=0.5),
    "binary:logistic": Builtin(),
    "count:poisson": Builtin(hessian=exp(0.7)),
    "multi:softprob": Builtin(hessian=2.0),
    "reg:tweedie": Builtin(),
    "reg:pseudohubererror": Builtin(),
}


class XGBoostObjective(ScoreObjective):
    """An objective of XGBoost: called with scores and a DMatrix, or as in scikit-learn with targets and scores."""

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> tuple[Array, Array]:
        """The gradient and the second derivative of each row."""
        if isinstance(second, xgboost.DMatrix):
            if self.grouped:
                return self.derivatives_in_groups(first, second.get_label(), second.get_weight(), group_sizes(second))
            return self.derivatives(first, second.get_label(), second.get_weight())
        return self.derivatives(second, first, sample_weight)


class XGBoostMetric:
    """The weighted mean of a loss as a metric of XGBoost; it is called on scores, before any link."""

    def __init__(self, loss: str | Loss, parameters: Mapping[str, Any]) -> None:
        self.objective = ScoreObjective(loss, 1.0, parameters, {})
        self.__name__ = self.objective.metric_name

    def __call__(self, first: Any, second: Any, sample_weight: Any = None) -> Any:
        """The name and the value; for scikit-learn's interface (targets, scores) the value alone."""
        if isinstance(second, xgboost.DMatrix):
            sizes = group_sizes(second) if self.objective.grouped else None
            return self.__name__, self.objective.mean(first, second.get_label(), second.get_weight(), sizes)
        return self.objective.mean(second, first, sample_weight)


def group_sizes(data: xgboost.DMatrix) -> Array:
    """The sizes of the groups of some data."""
    return np.diff(data.get_uint_info("group_ptr").astype(np.int64))


def objective(loss: str | Loss, *, hessian: str | float | None = None, **parameters: Any) -> XGBoostObjective:
    """An objective: a loss with its parameters; see `ScoreObjective` for `hessian`."""
    return XGBoostObjective(loss, hessian, parameters, BUILTIN)


def metric(loss: str | Loss, **parameters: Any) -> XGBoostMetric:
    """A metric: the weighted mean of a loss, of which less is better."""
    return XGBoostMetric(loss, parameters)


class XGBoostEstimator:
    """What the regressor and the classifier share: the loss among their parameters, which XGBoost does not get."""

    loss: str | Loss
    loss_parameters: Mapping[str, Any] | None
    hessian: str | float | None
    objective: Any
    base_score: Any

    def make_objective(self) -> XGBoostObjective:
        """The objective of the estimator's loss."""
        return objective(self.loss, hessian=self.hessian, **(self.loss_parameters or {}))

    @contextmanager
    def trained_with(self, made: XGBoostObjective, base_score: Any) -> Iterator[None]:
        """Set what the trees are trained with, and afterwards what the user has given."""
        given = self.objective, self.base_score
        self.objective, self.base_score = made, base_score
        try:
            yield
        finally:
            self.objective, self.base_score = given

    def get_xgb_params(self) -> dict[str, Any]:
        """The parameters of the booster."""
        found: dict[str, Any] = super().get_xgb_params()  # type: ignore[misc]
        return {name: value for name, value in found.items() if name not in ("loss", "loss_parameters", "hessian")}


class LossXGBRegressor(XGBoostEstimator, xgboost.XGBRegressor):  # type: ignore[misc]
    """XGBoost's regressor with a registered loss.

    It begins with the constant of least loss, which the model keeps as its base_score. Predictions are in the units of
    the target: the exponential of the score for a loss that takes logarithms, such as poisson_nll.
    """

    def __init__(
        self,
        *,
        loss: str | Loss = "reg:squarederror",
        loss_parameters: Mapping[str, Any] | None = None,
        hessian: str | float | None = None,
        **options: Any,
    ) -> None:
        self.loss, self.loss_parameters, self.hessian = loss, loss_parameters, hessian
        super().__init__(**options)

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, **options: Any) -> LossXGBRegressor:  # noqa: N803
        """Fit the trees; the arguments are those of XGBRegressor."""
        made = self.make_objective()
        with self.trained_with(made, made.start(y, sample_weight)):
            super().fit(X, y, sample_weight=sample_weight, **options)
        return self

    def predict(self, X: Any, *, output_margin: bool = False, **options: Any) -> Array:  # noqa: N803
        """Predict targets, or scores with `output_margin`."""
        scores: Array = super().predict(X, output_margin=True, **options)
        return scores if output_margin else self.make_objective().response(scores)


class LossXGBClassifier(XGBoostEstimator, xgboost.XGBClassifier):  # type: ignore[misc]
    """XGBoost's classifier with a registered loss: of two classes by element, or of several by row.

    It begins with the constant of least loss. Probabilities are the sigmoid or softmax of the scores.
    """

    def __init__(
        self,
        *,
        loss: str | Loss = "binary:logistic",
        loss_parameters: Mapping[str, Any] | None = None,
        hessian: str | float | None = None,
        **options: Any,
    ) -> None:
        self.loss, self.loss_parameters, self.hessian = loss, loss_parameters, hessian
        super().__init__(**options)

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, **options: Any) -> LossXGBClassifier:  # noqa: N803
        """Fit the trees; the arguments are those of XGBClassifier."""
        made = self.make_objective()
        start = made.start(np.unique(y, return_inverse=True)[1], sample_weight)
        # A classifier reads base_score as the probability of the second class, or of each.
        (shares,) = class_probabilities(np.array([start])).tolist()
        with self.trained_with(made, shares if made.classes else shares[1]):
            super().fit(X, y, sample_weight=sample_weight, **options)
        return self
