"""Losses as objectives, metrics and estimators of LightGBM.

    objective("huber", delta=0.9)       for lightgbm.train({"objective": ...}, ...) and LGBMRegressor(objective=...)
    metric("huber", delta=0.9)          for lightgbm.train(..., feval=...) and fit(..., eval_metric=...)
    LossLGBMRegressor(loss="huber")     a regressor that begins with the constant of least loss, as built-in ones do
    LossLGBMClassifier(loss="cross_entropy")

LightGBM begins to boost a custom objective at the score 0; `objective(...).start` is the better init_score, which has
to be added again to what a plain booster predicts. The estimators add it to the leaves of the first tree, so that their
models need nothing else. With `hessian="builtin"` the gradients are those of LightGBM's own objective, so that the
trees are the same: mse is halved, the second derivative of Poisson's loss is e^0.7 times as large, that of K classes
K / (K - 1) times, and huber's is 1. A loss of groups, such as lambda_rank, takes those of a Dataset. Checked with
LightGBM 4.7.
"""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.bridges.boosting.leaf_renewal import LeafRenewal, RenewedRows, renews_leaves
from lossreg.bridges.boosting.score_objective import Builtin, ScoreObjective, class_probabilities
from lossreg.extras import optional_imports

with optional_imports():
    import lightgbm

    from lossreg.bridges.boosting.lightgbm_leaves import RenewedLightGBMLeaves

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]

BUILTIN = {
    "regression": Builtin(gradient=0.5),
    "binary": Builtin(),
    "poisson": Builtin(hessian=exp(0.7)),
    "multiclass": Builtin(one_of_classes=True),
    "huber": Builtin(surrogate=1.0),
    "tweedie": Builtin(),
}


OWN = ("loss", "loss_parameters", "hessian", "renew_leaves")
"""The parameters of the estimators that are not LightGBM's."""


class LightGBMObjective(ScoreObjective):
    """An objective of LightGBM: called with scores and a Dataset, or as in scikit-learn with targets and scores."""

    def __call__(self, first: Any, second: Any, weight: Any = None) -> tuple[Array, Array]:
        """The gradient and the second derivative of each row."""
        scores, target, weight = rows_of(first, second, weight)
        if self.grouped:
            return self.derivatives_in_groups(scores, target, weight, group_sizes(second))
        # LightGBM rounds both to float32, and reads those of classes one class after another.
        grad, hess = np.empty_like(scores, np.float32), np.empty_like(scores, np.float32)
        self.fill_derivatives(scores, self.labels(target), weight, grad, hess)
        return grad, hess


class LightGBMMetric:
    """The weighted mean of a loss as a metric of LightGBM; it is called on scores, before any link."""

    def __init__(self, loss: str | Loss, parameters: Mapping[str, Any]) -> None:
        self.objective = ScoreObjective(loss, 1.0, parameters, {})
        self.__name__ = self.objective.metric_name

    def __call__(self, first: Any, second: Any, weight: Any = None) -> tuple[str, float, bool]:
        """The name, the value, and that less is better."""
        scores, target, weight = rows_of(first, second, weight)
        sizes = group_sizes(second) if self.objective.grouped else None
        return self.__name__, self.objective.mean(np.ascontiguousarray(scores), target, weight, sizes), False


def group_sizes(data: Any) -> Any:
    """The sizes of the groups of a Dataset; arrays have none."""
    return data.get_group() if isinstance(data, lightgbm.Dataset) else None


def rows_of(first: Any, second: Any, weight: Any) -> tuple[Array, Any, Any]:
    """The scores, targets and weights that LightGBM gives: scores and a Dataset, or targets, scores and weights."""
    if isinstance(second, lightgbm.Dataset):
        return first, second.get_label(), second.get_weight()
    return second, first, weight


def objective(loss: str | Loss, *, hessian: str | float | None = None, **parameters: Any) -> LightGBMObjective:
    """An objective: a loss with its parameters; see `ScoreObjective` for `hessian`."""
    return LightGBMObjective(loss, hessian, parameters, BUILTIN)


def metric(loss: str | Loss, **parameters: Any) -> LightGBMMetric:
    """A metric: the weighted mean of a loss, of which less is better."""
    return LightGBMMetric(loss, parameters)


class LightGBMEstimator:
    """What the regressor and the classifier share: the fit from the constant of least loss, which the trees keep."""

    loss: str | Loss
    loss_parameters: Mapping[str, Any] | None
    hessian: str | float | None
    _objective: Any
    """What LightGBM trains with."""

    hides_own = False

    def _process_params(self, stage: str) -> dict[str, Any]:
        """The parameters of the booster: without the estimator's own, as LightGBM takes loss for an objective."""
        self.hides_own = True
        try:
            found: dict[str, Any] = super()._process_params(stage)  # type: ignore[misc]
        finally:
            del self.hides_own
        return found

    def make_objective(self) -> LightGBMObjective:
        """The objective of the estimator's loss."""
        return objective(self.loss, hessian=self.hessian, **(self.loss_parameters or {}))

    def fit_from_start(self, X: Any, y: Any, labels: Any, sample_weight: Any, options: dict[str, Any]) -> None:  # noqa: N803
        """Fit the trees with init_score, also for the evaluation sets, and add it to the leaves of the first tree."""
        made = self.make_objective()
        start = made.start(labels, sample_weight)
        sets = evaluation_sets(options)
        if sets and "eval_init_score" not in options:
            options["eval_init_score"] = [scores_of(start, len(target)) for _, target in sets]
            options.setdefault("eval_metric", metric(self.loss, **(self.loss_parameters or {})))
        self._objective = self.with_renewal(made, start, X, labels, sample_weight, options)
        init_score = scores_of(start, len(labels))
        super().fit(X, y, sample_weight=sample_weight, init_score=init_score, **options)  # type: ignore[misc]
        self._objective = made  # without the training data, which renewal has
        booster = self.booster_  # type: ignore[attr-defined]
        first_trees = booster.dump_model(num_iteration=1)["tree_info"]
        for tree, shift in enumerate(np.atleast_1d(start)):
            for leaf in range(first_trees[tree]["num_leaves"]):
                booster.set_leaf_output(tree, leaf, booster.get_leaf_output(tree, leaf) + float(shift))

    def with_renewal(self, made: Any, start: Any, X: Any, y: Any, sample_weight: Any, options: dict[str, Any]) -> Any:  # noqa: N803
        """The objective to train with; where leaves are renewed, a callback that does so is added to the options."""
        given = self.get_params()  # type: ignore[attr-defined]
        obstacles = {
            f"boosting_type={given['boosting_type']!r}": given["boosting_type"] not in {"gbdt", "goss"},
            "monotone_constraints": bool(given.get("monotone_constraints")),
            "linear_tree": bool(given.get("linear_tree")),
            "init_model": options.get("init_model") is not None,
        }
        if not renews_leaves(made, getattr(self, "renew_leaves", False), obstacles):
            return made
        weights = options.get("eval_sample_weight") or []
        evaluated = [
            RenewedRows(*each, weights[at] if at < len(weights) else None, start)
            for at, each in enumerate(evaluation_sets(options))
        ]
        renewal = LeafRenewal(made, self.hessian, RenewedRows(X, y, sample_weight, start), evaluated)
        renewal.check_metric(options.get("eval_metric"))
        options["callbacks"] = [*(options.get("callbacks") or []), RenewedLightGBMLeaves(renewal)]
        return renewal


def evaluation_sets(options: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """The data and targets of each evaluation set among the arguments of a fit."""
    sets, data, targets = (options.get(name) for name in ("eval_set", "eval_X", "eval_y"))
    if data is not None:
        sets = zip(data, targets or (), strict=True) if isinstance(data, tuple) else [(data, targets)]
    return [sets] if isinstance(sets, tuple) else list(sets or [])


def scores_of(start: Any, rows: int) -> Array:
    """The constant to begin with for each row, and class."""
    return np.broadcast_to(start, (rows, *np.shape(start))).copy()


class LossLGBMRegressor(LightGBMEstimator, lightgbm.LGBMRegressor):  # type: ignore[misc]
    """LightGBM's regressor with a registered loss.

    Predictions are in the units of the target: the exponential of the score for a loss that takes logarithms, such as
    poisson_nll.

    renew_leaves: whether each leaf gets the value at which the loss of its rows is least, in place of a Newton step. By
        default where the second derivative of the loss is 0, as that of l1 and quantile; then the only `eval_metric` is
        the loss itself.
    """

    def __init__(
        self,
        *,
        loss: str | Loss = "regression",
        loss_parameters: Mapping[str, Any] | None = None,
        hessian: str | float | None = None,
        renew_leaves: bool | None = None,
        **options: Any,
    ) -> None:
        self.loss, self.loss_parameters, self.hessian = loss, loss_parameters, hessian
        self.renew_leaves = renew_leaves
        super().__init__(**options)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, without the estimator's own while those of the booster are asked for."""
        found: dict[str, Any] = super().get_params(deep)
        return {name: value for name, value in found.items() if not (self.hides_own and name in OWN)}

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, **options: Any) -> LossLGBMRegressor:  # noqa: N803
        """Fit the trees; the arguments are those of LGBMRegressor."""
        self.fit_from_start(X, y, y, sample_weight, options)
        return self

    def predict(self, X: Any, *, raw_score: bool = False, **options: Any) -> Array:  # noqa: N803
        """Predict targets, or scores with `raw_score`."""
        scores: Array = super().predict(X, raw_score=True, **options)
        return scores if raw_score else self.make_objective().response(scores)


class LossLGBMClassifier(LightGBMEstimator, lightgbm.LGBMClassifier):  # type: ignore[misc]
    """LightGBM's classifier with a registered loss: of two classes by element, or of several by row.

    Probabilities are the sigmoid or softmax of the scores.
    """

    def __init__(
        self,
        *,
        loss: str | Loss = "binary",
        loss_parameters: Mapping[str, Any] | None = None,
        hessian: str | float | None = None,
        **options: Any,
    ) -> None:
        self.loss, self.loss_parameters, self.hessian = loss, loss_parameters, hessian
        super().__init__(**options)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The parameters, without the estimator's own while those of the booster are asked for."""
        found: dict[str, Any] = super().get_params(deep)
        return {name: value for name, value in found.items() if not (self.hides_own and name in OWN)}

    def fit(self, X: Any, y: Any, *, sample_weight: Any = None, **options: Any) -> LossLGBMClassifier:  # noqa: N803
        """Fit the trees; the arguments are those of LGBMClassifier."""
        self.fit_from_start(X, y, np.unique(y, return_inverse=True)[1], sample_weight, options)
        return self

    def predict_proba(self, X: Any, *, raw_score: bool = False, **options: Any) -> Array:  # noqa: N803
        """The probability of each class, or the scores with `raw_score`."""
        scores: Array = super().predict_proba(X, raw_score=True, **options)
        return scores if raw_score else class_probabilities(scores)

    def predict(self, X: Any, *, raw_score: bool = False, **options: Any) -> Array:  # noqa: N803
        """Predict classes, or scores with `raw_score`."""
        if raw_score:
            return self.predict_proba(X, raw_score=True, **options)
        return np.asarray(self.classes_[self.predict_proba(X, **options).argmax(axis=1)])
