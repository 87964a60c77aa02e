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

from lossreg.bridges.boosting.leaf_renewal import LeafRenewal, RenewedRows, renews_leaves
from lossreg.bridges.boosting.score_objective import Builtin, ScoreObjective, class_probabilities
from lossreg.extras import optional_imports

with optional_imports():
    import xgboost

    from lossreg.bridges.boosting.xgboost_leaves import RenewedXGBoostLeaves, set_leaf_values

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


OWN = ("loss", "loss_parameters", "hessian", "renew_leaves")
"""The parameters of the estimators that are not XGBoost's."""


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
    callbacks: Any
    eval_metric: Any

    def make_objective(self) -> XGBoostObjective:
        """The objective of the estimator's loss."""
        return objective(self.loss, hessian=self.hessian, **(self.loss_parameters or {}))

    @contextmanager
    def trained_with(self, made: XGBoostObjective | LeafRenewal, base_score: Any) -> Iterator[None]:
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
        found = {name: value for name, value in found.items() if name not in OWN}
        # XGBoost's metric of the scores that it keeps itself
        return found | {"disable_default_eval_metric": True} if isinstance(self.objective, LeafRenewal) else found


class LossXGBRegressor(XGBoostEstimator, xgboost.XGBRegressor):  # type: ignore[misc]
    """XGBoost's regressor with a registered loss.

    It begins with the constant of least loss, which the model keeps as its base_score. Predictions are in the units of
    the target: the exponential of the score for a loss that takes logarithms, such as poisson_nll.

    renew_leaves: whether each leaf gets the value at which the loss of its rows is least, in place of a Newton step. By
        default where the second derivative of the loss is 0, as that of l1 and quantile; then the only `eval_metric` is
        the loss itself.
    """

    def __init__(
        self,
        *,
        loss: str | Loss = "reg:squarederror",
        loss_parameters: Mapping[str, Any] | None = None,
        hessian: str | float | None = None,
        renew_leaves: bool | None = None,
        **options: Any,
    ) -> None:
        self.loss, self.loss_parameters, self.hessian = loss, loss_parameters, hessian
        self.renew_leaves = renew_leaves
        super().__init__(**options)

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, **options: Any) -> LossXGBRegressor:  # noqa: N803
        """Fit the trees; the arguments are those of XGBRegressor."""
        made = self.make_objective()
        start = made.start(y, sample_weight)
        obstacles = {
            f"booster={self.booster!r}": self.booster not in {None, "gbtree"},
            "num_parallel_tree": (self.num_parallel_tree or 1) > 1,
            "monotone_constraints": bool(self.monotone_constraints),
            "xgb_model": options.get("xgb_model") is not None,
            "base_margin": options.get("base_margin") is not None,
        }
        if renews_leaves(made, self.renew_leaves, obstacles):
            return self._fit_with_renewal(made, start, X, y, sample_weight, options)
        with self.trained_with(made, start):
            super().fit(X, y, sample_weight=sample_weight, **options)
        return self

    def _fit_with_renewal(
        self,
        made: XGBoostObjective,
        start: float,
        X: Any,  # noqa: N803  scikit-learn's name
        y: Any,
        sample_weight: Any,
        options: dict[str, Any],
    ) -> LossXGBRegressor:
        """Fit trees whose leaves are renewed, and write the values of these to the model."""

        def matrix(data: Any) -> xgboost.DMatrix:
            kinds = {"feature_types": self.feature_types, "enable_categorical": self.enable_categorical}
            return xgboost.DMatrix(data, missing=self.missing, nthread=self.n_jobs, **kinds)

        weights = options.get("sample_weight_eval_set") or []
        evaluated = [
            RenewedRows(matrix(data), target, weights[at] if at < len(weights) else None, start)
            for at, (data, target) in enumerate(options.get("eval_set") or [])
        ]
        renewal = LeafRenewal(made, self.hessian, RenewedRows(matrix(X), y, sample_weight, start), evaluated)
        renewal.check_metric(self.eval_metric)
        given = self.callbacks, self.eval_metric
        self.callbacks = [*(self.callbacks or []), RenewedXGBoostLeaves(renewal)]
        if evaluated and self.eval_metric is None:
            self.eval_metric = metric(self.loss, **(self.loss_parameters or {}))
        try:
            with self.trained_with(renewal, start):
                super().fit(X, y, sample_weight=sample_weight, **options)
        finally:
            self.callbacks, self.eval_metric = given
        set_leaf_values(self.get_booster(), renewal.values)
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
