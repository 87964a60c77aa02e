"""Losses as linear models, scorers and boosting losses of scikit-learn.

    LossRegressor("huber", alpha=1.0)           minimises  sum of losses + alpha / 2 |coefficients|^2
    LossClassifier("bce_with_logits", C=1.0)    minimises  C * sum of losses + |coefficients|^2 / 2
    scorer("quantile", level=0.9)               minus the mean of the loss, for GridSearchCV(scoring=...)

The intercept is not penalised. Squared errors are Ridge's if they are halved: LossRegressor("mse", alpha=2 * a) equals
Ridge(alpha=a), and LossClassifier equals LogisticRegression. Checked with scikit-learn 1.9.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lossreg.bridges.boosting.score_objective import ScoreObjective, class_probabilities
from lossreg.criterion.sums.weighted_sum import make
from lossreg.errors import InvalidInput, InvalidParameter
from lossreg.extras import optional_imports

with optional_imports():
    from scipy.optimize import minimize
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lossreg.definition.loss import Loss

    Array = np.ndarray[Any, Any]


class LinearModel(BaseEstimator):  # type: ignore[misc]
    """What the regressor and the classifier share: the fit of coefficients and intercept."""

    loss: str | Loss
    loss_parameters: Mapping[str, Any] | None
    fit_intercept: bool
    solver: str
    max_iter: int
    tol: float

    def minimise(
        self, rows: Array, y: Array, weight: Array, outputs: int, *, factor: float = 1.0, penalty: float = 1.0
    ) -> tuple[Array, Array]:
        """The coefficients and intercepts of least `factor` * losses + `penalty` / 2 * squares of the coefficients."""
        rows, y, weight = distinct_examples(rows, y, weight)
        weight *= factor
        if self.solver not in ("lbfgs", "newton-cg"):
            raise InvalidParameter(f"solver: expected 'lbfgs' or 'newton-cg', got {self.solver!r}")
        objective = ScoreObjective(
            self.loss, None if self.solver == "lbfgs" else "exact", self.loss_parameters or {}, {}
        )
        criterion = objective.criterion
        labels = objective.labels(y) if objective.classes else objective.labels(y).astype(np.float64)
        features = rows.shape[1]
        if self.fit_intercept:
            rows = np.column_stack([rows, np.ones(len(rows))])
        shape = outputs, rows.shape[1]

        def scores_of(flat: Array) -> Array:
            scores = rows @ flat.reshape(shape).T
            return scores if objective.classes else scores[:, 0]

        def pull_back(grad: Array) -> Array:
            return np.asarray(grad.reshape(len(rows), outputs).T @ rows)

        def value_and_grad(flat: Array) -> tuple[float, Array]:
            value, grad = criterion.value_and_grad(scores_of(flat), labels, sample_weight=weight)
            coefficients = flat.reshape(shape)[:, :features]
            found = pull_back(grad)
            found[:, :features] += penalty * coefficients
            return float(value) + penalty / 2 * float(np.sum(coefficients**2)), found.ravel()

        def product(flat: Array, direction: Array) -> Array:
            moved = scores_of(direction)
            found = pull_back(criterion.hvp(scores_of(flat), labels, vector=moved, sample_weight=weight))
            found[:, :features] += penalty * direction.reshape(shape)[:, :features]
            return found.ravel()

        method, options = {
            "lbfgs": ("L-BFGS-B", {"gtol": self.tol, "ftol": 0, "maxls": 50}),
            "newton-cg": ("Newton-CG", {"xtol": self.tol}),
        }[self.solver]
        found = minimize(
            value_and_grad,
            np.zeros(shape).ravel(),
            jac=True,
            hessp=product if self.solver == "newton-cg" else None,
            method=method,
            options={"maxiter": self.max_iter, **options},
        )
        self.n_iter_ = np.array([found.nit], np.int32)
        parts = found.x.reshape(shape)
        intercept = parts[:, features] if self.fit_intercept else np.zeros(outputs)
        return parts[:, :features].copy(), intercept.copy()

    def scores(self, X: Any) -> Array:  # noqa: N803
        """The scores of rows."""
        check_is_fitted(self)
        scores: Array = validate_data(self, X, reset=False) @ np.atleast_2d(self.coef_).T + self.intercept_
        return scores


def distinct_examples(rows: Array, y: Array, weight: Array) -> tuple[Array, Array, Array]:
    """The distinct examples whose weight is not 0, in an order that depends on them only, with the sums of the weights.

    At a kink of the loss rounding errors decide where a solver stops, so that repeated rows need the bits of weights.
    """
    examples, weight = np.column_stack([rows, y])[weight != 0] + 0.0, weight[weight != 0]  # -0 becomes 0
    bits = examples.view(np.uint64)
    multipliers = np.random.default_rng(0).integers(2**63, size=bits.shape[1], dtype=np.uint64) * 2 + 1
    order = np.argsort((bits ^ (bits >> np.uint64(32))) @ multipliers, kind="stable")
    examples, weight = examples[order], weight[order]
    is_first = np.ones(len(examples), bool)
    is_first[1:] = (examples[1:] != examples[:-1]).any(axis=1)
    first = np.flatnonzero(is_first)
    return (
        np.ascontiguousarray(examples[first, :-1]),
        examples[first, -1].astype(y.dtype),
        np.add.reduceat(weight, first),
    )


class LossRegressor(RegressorMixin, LinearModel):  # type: ignore[misc]
    """A linear model of a real target, fitted by any registered loss of one prediction, in float64.

    loss, loss_parameters: the name of the loss, what `@loss` made or the terms of a weighted sum; and its parameters.
    alpha: the factor of the penalty.
    solver: "lbfgs", or "newton-cg" for losses with second derivatives.
    max_iter, tol: the most iterations, and the largest slope (step, for newton-cg) at which it stops.
    """

    def __init__(
        self,
        loss: str | Loss = "squared_error",
        *,
        loss_parameters: Mapping[str, Any] | None = None,
        alpha: float = 1.0,
        fit_intercept: bool = True,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float = 1e-6,
    ) -> None:
        self.loss, self.loss_parameters, self.alpha, self.fit_intercept = loss, loss_parameters, alpha, fit_intercept
        self.solver, self.max_iter, self.tol = solver, max_iter, tol

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LossRegressor:  # noqa: N803
        """Fit the model."""
        rows, target = validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64)
        coefficients, intercept = self.minimise(rows, target, weight, 1, penalty=self.alpha)
        self.coef_, self.intercept_ = coefficients[0], float(intercept[0])
        return self

    def predict(self, X: Any) -> Array:  # noqa: N803
        """Predict the target: the exponential of the score for a loss that takes logarithms."""
        scores = self.scores(X)[:, 0]
        return ScoreObjective(self.loss, None, self.loss_parameters or {}, {}).response(scores)


class LossClassifier(ClassifierMixin, LinearModel):  # type: ignore[misc]
    """A linear classifier, fitted by a registered loss: by element for two classes, by row for several.

    C: the factor of the losses. The other parameters are those of `LossRegressor`.
    """

    def __init__(
        self,
        loss: str | Loss = "half_multinomial_loss",
        *,
        loss_parameters: Mapping[str, Any] | None = None,
        C: float = 1.0,  # noqa: N803  as in scikit-learn
        fit_intercept: bool = True,
        solver: str = "lbfgs",
        max_iter: int = 1000,
        tol: float = 1e-6,
    ) -> None:
        self.loss, self.loss_parameters, self.C, self.fit_intercept = loss, loss_parameters, C, fit_intercept
        self.solver, self.max_iter, self.tol = solver, max_iter, tol

    def __sklearn_tags__(self) -> Any:
        """Whether it takes several classes depends on the loss."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = ScoreObjective(self.loss, None, self.loss_parameters or {}, {}).classes
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> LossClassifier:  # noqa: N803
        """Fit the model."""
        rows, target = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(target)
        weight = _check_sample_weight(sample_weight, rows, dtype=np.float64)
        self.classes_, labels = np.unique(target, return_inverse=True)
        by_class, count = self.__sklearn_tags__().classifier_tags.multi_class, len(self.classes_)
        if count < 2:  # noqa: PLR2004
            raise InvalidInput(f"expected labels of several classes, got only one class: {self.classes_[0]}")
        if count > 2 and not by_class:  # noqa: PLR2004
            name = ScoreObjective(self.loss, None, self.loss_parameters or {}, {}).loss.name
            message = f"Only binary classification is supported by {name}"
            raise InvalidInput(f"{message}: it takes one score, and the data have {count} classes")
        outputs = count if by_class else 1
        self.coef_, self.intercept_ = self.minimise(rows, labels, weight, outputs, factor=self.C)
        return self

    def decision_function(self, X: Any) -> Array:  # noqa: N803
        """The score of the second class, or of each class."""
        scores = self.scores(X)
        if scores.shape[1] == 1:
            return scores[:, 0]
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores  # noqa: PLR2004

    def predict(self, X: Any) -> Array:  # noqa: N803
        """The class with the largest score."""
        scores = self.decision_function(X)
        return np.asarray(self.classes_[(scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)])

    def predict_proba(self, X: Any) -> Array:  # noqa: N803
        """The sigmoid or softmax of the scores, which are probabilities for the losses of logistic models."""
        return class_probabilities(self.decision_function(X))


class Scorer:
    """Minus the weighted mean of a loss of an estimator's predictions, so that more is better."""

    def __init__(self, loss: str | Loss, parameters: Mapping[str, Any]) -> None:
        self.criterion = make(loss, "mean", parameters)

    def __repr__(self) -> str:
        return f"<scorer: minus {self.criterion!r}>"

    def __call__(self, estimator: Any, X: Any, y: Any, sample_weight: Any = None) -> float:  # noqa: N803
        """Score an estimator on some rows: its predictions, or for a loss of classes its decision function."""
        first = self.criterion.loss.inputs[0]
        is_real = first.axis is None and not hasattr(estimator, "classes_")
        target = np.asarray(y) if is_real else np.searchsorted(estimator.classes_, y)
        if is_real:
            prediction = estimator.predict(X)
        elif hasattr(estimator, "decision_function"):
            prediction = estimator.decision_function(X)
        else:
            with np.errstate(divide="ignore"):
                prediction = np.log(estimator.predict_proba(X))
        prediction = np.asarray(prediction, np.float64)
        if first.axis is not None and prediction.ndim == 1:
            prediction = np.stack([np.zeros_like(prediction), prediction], axis=1)
        if first.axis is None and prediction.ndim > 1:
            prediction = prediction[:, 1] - prediction[:, 0]
        target = target if first.axis is not None else target.astype(np.float64)
        return -float(self.criterion(prediction, target, sample_weight=sample_weight))


def scorer(loss: str | Loss, **parameters: Any) -> Scorer:
    """A scorer for GridSearchCV and cross_val_score: minus the mean of a loss."""
    return Scorer(loss, parameters)
